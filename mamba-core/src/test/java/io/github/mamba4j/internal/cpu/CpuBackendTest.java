package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.BackendUnavailableException;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("kernels")
class CpuBackendTest {
  private static final String FLAG = "--add-modules jdk.incubator.vector";

  private static Backend open(String kernels, int threads) {
    return new CpuBackendProvider().open(new BackendProvider.Options(0, threads, kernels));
  }

  @Test
  void provider_serviceLoader_findsTheCpu() {
    List<String> names = new ArrayList<>();
    for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
      names.add(provider.name());
      if (provider.name().equals("cpu")) {
        assertThat(provider.rank()).isZero();
        assertThat(provider.unusableReason()).isEmpty();
      }
    }
    assertThat(names).contains("cpu");
  }

  @Test
  void open_scalar_saysSo() {
    try (Backend backend = open("scalar", 1)) {
      assertThat(backend.name()).isEqualTo("cpu");
      assertThat(backend.kernels()).isEqualTo("scalar");
      assertThat(backend.describe()).isEqualTo("CPU, scalar kernels, 1 thread");
    }
  }

  @Test
  @EnabledIf(VectorModule.PRESENT)
  void open_vectorWithTheModule_saysTheWidth() {
    int bits = VectorAccess.SPECIES.vectorBitSize();
    for (String wish : List.of("vector", "auto")) {
      try (Backend backend = open(wish, 2)) {
        assertThat(backend.kernels()).isEqualTo("vector-" + bits);
        assertThat(backend.describe()).isEqualTo("CPU, vector kernels " + bits + " bit, 2 threads");
      }
    }
  }

  @Test
  @DisabledIf(VectorModule.PRESENT)
  void open_vectorWithoutTheModule_namesTheFlag() {
    assertThatThrownBy(() -> open("vector", 1))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessageContaining(FLAG);
  }

  /** Each execution of the tests says which kernels it must have run: green means they did. */
  @Test
  void open_auto_takesTheKernelsThatThisRunExpects() {
    String expected = System.getProperty("mamba.test.expectedKernels", "");
    try (Backend backend = open("auto", 1)) {
      assertThat(backend.kernels()).startsWith(expected);
    }
  }

  @Test
  void open_wishesThatCannotBeMet_areRefusedInWords() {
    assertThatThrownBy(() -> open("sse", 1))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage("cpu: there are no kernels 'sse', expected auto, scalar or vector");
    assertThatThrownBy(
            () -> new CpuBackendProvider().open(new BackendProvider.Options(1, 1, "auto")))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage("cpu: there is only device 0, got index 1");
    assertThatThrownBy(() -> open("auto", 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("CpuBackendProvider: threads must be positive, got 0");
  }

  @Test
  void open_withoutTheModule_warnsOnceWithTheFlag() throws Exception {
    List<String> lines = runProbe(List.of());
    assertThat(lines).contains("scalar", "second scalar");
    assertThat(lines.stream().filter(line -> line.contains(FLAG))).hasSize(1);
  }

  @Test
  void open_systemProperty_choosesWhereNothingWasNamed() throws Exception {
    List<String> scalar = runProbe(List.of("-Dmamba.kernels=scalar"));
    assertThat(scalar).contains("scalar").noneMatch(line -> line.contains(FLAG));
    List<String> unknown = runProbe(List.of("-Dmamba.kernels=mmx"));
    assertThat(unknown)
        .anyMatch(line -> line.contains("no kernels 'mmx' (system property mamba.kernels)"));
    List<String> vector = runProbe(List.of("-Dmamba.kernels=vector"));
    assertThat(vector).anyMatch(line -> line.contains(FLAG));
  }

  @Test
  void allocate_anySize_isZeroedAndAligned() {
    try (Backend backend = open("scalar", 1)) {
      for (long bytes : new long[] {1, 4, 63, 64, 100_000}) {
        Storage storage = backend.allocate(bytes);
        assertThat(storage.byteSize()).isEqualTo(bytes);
        MemorySegment memory = ((CpuStorage) storage).segment();
        assertThat(memory.address() % 64).isZero();
        assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        backend.free(storage);
      }
    }
  }

  @Test
  void allocate_moreThanThereIs_saysSoAndGoesOn() {
    try (Backend backend = open("scalar", 1)) {
      Storage small = backend.allocate(4_000);
      for (long bytes : new long[] {Long.MAX_VALUE, Long.MAX_VALUE / 2, 1L << 60}) {
        assertThatThrownBy(() -> backend.allocate(bytes))
            .isInstanceOf(OutOfMemoryError.class)
            .hasMessageContaining("CpuBackend.allocate: no " + bytes + " bytes")
            .hasMessageContaining("4000 bytes are in use");
      }
      assertThatThrownBy(() -> backend.allocate(0)).isInstanceOf(IllegalArgumentException.class);
      backend.elementwise().fill(new View(small, DType.F32, 0, 1000), 1, 1000, 3);
      assertThat(read(backend, small)).containsOnly(3);
    }
  }

  @Test
  void writeAndRead_partsOfABlock_arrive() {
    try (Backend backend = open("scalar", 1)) {
      Storage storage = backend.allocate(16);
      backend.write(MemorySegment.ofArray(new float[] {1, 2}), storage, 8);
      backend.synchronize();
      assertThat(read(backend, storage)).containsExactly(0, 0, 1, 2);
      float[] part = new float[1];
      backend.read(storage, 12, MemorySegment.ofArray(part));
      assertThat(part).containsExactly(2);
    }
  }

  @Test
  void map_hostMemory_isUsedWhereItLiesAndStaysTheCallers() {
    try (Backend backend = open("scalar", 1);
        Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(17).asSlice(1);
      Storage storage = backend.map(memory);
      assertThat(storage.byteSize()).isEqualTo(16);
      backend.elementwise().fill(new View(storage, DType.F32, 1, 2), 1, 2, 3);
      assertThat(read(backend, storage)).containsExactly(0, 3, 3, 0);
      assertThat(memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4)).isEqualTo(3);
      backend.free(storage);
      assertThat(memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 8)).isEqualTo(3);
      assertThatThrownBy(() -> backend.free(storage)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> backend.map(MemorySegment.ofArray(new byte[4])))
          .hasMessage("CpuBackend.map: memory has 4 bytes on the heap, expected none");
      assertThatThrownBy(() -> backend.map(memory.asSlice(0, 0)))
          .hasMessage("CpuBackend.map: memory has 0 bytes, expected some");
    }
  }

  @Test
  void free_blockThatIsNotInUse_isRefused() {
    try (Backend backend = open("scalar", 1);
        Backend other = open("scalar", 1)) {
      Storage storage = backend.allocate(64);
      assertThatThrownBy(() -> other.free(storage))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("64 bytes");
      backend.free(storage);
      assertThatThrownBy(() -> backend.free(storage)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "auto"})
  void free_whileAnotherThreadMultiplies_isRefusedThereInWords(String kernels) throws Exception {
    try (Backend backend = open(kernels, 2)) {
      for (int round = 0; round < 20; round++) {
        Storage weights = backend.allocate(4L * 512 * 512);
        View vectors = new View(backend.allocate(4L * 1024), DType.F32, 0, 512);
        MatmulKernels.Product product =
            new MatmulKernels.Product(
                new MatmulKernels.Shape(1, 1, 512, 512),
                new MatmulKernels.Operand(vectors, false, 0),
                new MatmulKernels.Operand(new View(weights, DType.F32, 0, 512), true, 0),
                new Sink(vectors.plus(512), false),
                0,
                null);
        CountDownLatch begun = new CountDownLatch(1);
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    while (true) {
                      backend.matmul().matmul(product);
                      begun.countDown();
                    }
                  } catch (RuntimeException e) {
                    thrown.set(e);
                  }
                });
        begun.await();
        backend.free(weights);
        thread.join();
        assertThat(thrown.get())
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("1048576 bytes was freed");
      }
    }
  }

  @Test
  void close_thenUse_isRefusedInWords() {
    Backend backend = open("scalar", 2);
    Storage storage = backend.allocate(4_000_000);
    View view = new View(storage, DType.F32, 0, 1_000_000);
    backend.close();
    backend.close();
    assertThatThrownBy(() -> backend.allocate(4))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> backend.elementwise().fill(view, 1, 1_000_000, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> read(backend, storage)).isInstanceOf(IllegalStateException.class);
  }

  private static float[] read(Backend backend, Storage storage) {
    float[] values = new float[(int) (storage.byteSize() / Float.BYTES)];
    backend.read(storage, 0, MemorySegment.ofArray(values));
    return values;
  }

  /** Runs {@link CpuBackendProbe} in a JVM without the Vector API and returns what it prints. */
  private static List<String> runProbe(List<String> flags) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.add("-cp");
    command.add(
        place(CpuBackendProvider.class) + File.pathSeparator + place(CpuBackendProbe.class));
    command.add(CpuBackendProbe.class.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      process.waitFor();
      return output.lines().toList();
    } catch (IOException e) {
      process.destroy();
      throw e;
    }
  }

  private static Path place(Class<?> type) throws Exception {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
