package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What lies in a mapped file: no memory of its own, checked aside, unmapped in time. */
class MappedWeightsTest {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** 4 GiB of embeddings of 32 float32. */
  private static final int MANY_ROWS = 1 << 25;

  private static final int SEVERAL_MEBIBYTES = 8 << 20;

  private static Device device;
  private final Logger logger = Logger.getLogger(ModelReader.class.getName());
  private final Records records = new Records();
  @TempDir Path temp;

  /** Keeps what is logged. */
  private static final class Records extends Handler {
    private final List<String> messages = new ArrayList<>();

    @Override
    public synchronized void publish(LogRecord entry) {
      messages.add(new SimpleFormatter().formatMessage(entry));
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}

    synchronized List<String> messages() {
      return List.copyOf(messages);
    }
  }

  @BeforeAll
  static void open() {
    device = TestDevice.open(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @BeforeEach
  void listen() {
    logger.setUseParentHandlers(false);
    logger.addHandler(records);
  }

  @AfterEach
  void listenNoMore() {
    logger.removeHandler(records);
    logger.setUseParentHandlers(true);
  }

  private static MambaModel load(Path path, Precision precision) throws IOException {
    return MambaModel.load(path, LoadOptions.defaults().precision(precision).device(device));
  }

  private static List<String> checkingThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.equals("mamba-weight-check"))
        .toList();
  }

  @Test
  void load_fileOfGibibytes_takesNeitherHeapNorMemory() throws IOException {
    Path folder = ModelFiles.sparse(temp, MANY_ROWS);
    MambaModel.load(ModelFiles.fixture("mamba1-tiny"), device).close();
    long before = THREADS.getCurrentThreadAllocatedBytes();
    try (MambaModel model = MambaModel.load(folder, device)) {
      long heap = THREADS.getCurrentThreadAllocatedBytes() - before;
      Tensor table = model.parameters().get("backbone.embeddings.weight");

      assertThat(heap).isLessThan(SEVERAL_MEBIBYTES);
      assertThat(table.shape().elements()).isEqualTo(MANY_ROWS * 32L);
      assertThat(table.isReadOnly()).isTrue();
      assertThat(table.scope().reservedBytes()).isLessThan(SEVERAL_MEBIBYTES);
      assertThat(table.narrowRows(MANY_ROWS - 1, 1).toFloats()).containsOnly(0f);
      assertThat(model.describeWeights()).contains("mapped from the file 4,295.0 MB");
      assertThat(checkingThreads()).hasSize(1);
    }
    assertThat(checkingThreads()).isEmpty();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void closeAndFailedLoad_unmapTheFile() throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = small()) {
      model.save(file, SaveOptions.gguf());
    }
    String mapping = file.toString();
    MambaModel model = MambaModel.load(file, device);
    assertThat(maps()).contains(mapping);
    model.close();
    assertThat(maps()).doesNotContain(mapping);
    load(file, Precision.F32).close();
    try (MambaModel whole = load(file, Precision.F32)) {
      assertThat(maps()).as("everything was copied").doesNotContain(mapping);
      assertThat(whole.isTrainable()).isTrue();
    }

    Path folder = ModelFiles.withMatricesAs(temp.resolve("model.safetensors"), StoredType.BF16);
    Path config = folder.resolve("config.json");
    String text = Files.readString(config);
    Files.writeString(config, text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("backbone.layers.2.norm.weight is missing");
    Files.writeString(config, text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"));
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("holds tensors that this model does not have")
        .hasMessageContaining("backbone.layers.1.norm.weight");
    assertThat(maps()).doesNotContain(folder.resolve("model.safetensors").toString());
    assertThat(checkingThreads()).isEmpty();
  }

  private static String maps() throws IOException {
    return Files.readString(Path.of("/proc/self/maps"));
  }

  private static MambaModel small() {
    return MambaModel.builder()
        .dModel(32)
        .nLayers(1)
        .vocabSize(40)
        .dState(4)
        .seed(1)
        .device(device)
        .build();
  }

  @Test
  void load_truncatedFile_isRefusedBeforeAnythingIsMade() throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = small()) {
      model.save(file, SaveOptions.gguf().weights(StoredType.Q8_0));
    }
    byte[] content = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(content, content.length - 1));
    assertThatThrownBy(() -> MambaModel.load(file, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("expected them in");
  }

  @ParameterizedTest
  @EnumSource(
      value = StoredType.class,
      names = {"F32", "F16", "BF16", "Q8_0"})
  void load_weightsThatAreNoNumbers_areAWarning(StoredType type) throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = small()) {
      model.save(file, SaveOptions.gguf().weights(type));
    }
    load(file, Precision.STORED).close();
    // All bits set are a NaN in each type; of Q8_0 it is the scale.
    ModelFiles.change(file, "blk.0.ssm_out.weight", bytes -> bytes.asSlice(0, 4).fill((byte) -1));
    String warning =
        file + ": weights that are not numbers (NaN) in [backbone.layers.0.mixer.out_proj.weight]";
    try (MambaModel model = load(file, Precision.STORED)) {
      model.awaitWeightCheck();
      assertThat(records.messages()).containsExactly(warning);
    }
    load(file, Precision.F32).close();
    assertThat(records.messages()).containsExactly(warning, warning);
  }

  @Test
  void write_mappedTensor_isRefusedInWords() {
    try (MambaModel model = MambaModel.load(ModelFiles.fixture("mamba1-tiny"), device)) {
      Tensor table = model.parameters().get("backbone.embeddings.weight");
      MemorySegment zeros = MemorySegment.ofArray(new float[97 * 32]);
      for (Tensor tensor : List.of(table, table.narrowRows(1, 2))) {
        assertThatThrownBy(() -> tensor.write(zeros))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("read-only memory");
        assertThatThrownBy(() -> tensor.copyFrom(tensor))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("F32")
            .hasMessageContaining("read-only memory");
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void step_modelClosedBefore_isRefusedAndDoesNotCrash() throws IOException {
    MambaModel model = MambaModel.load(ModelFiles.fixture("mamba1-tiny"), device);
    try (InferenceState state = model.newState()) {
      state.prefill(1, 2, 3);
      state.step(4);
      assertThat(state.logits().get(ValueLayout.JAVA_FLOAT, 0)).isFinite();
      model.close();
      assertThatThrownBy(() -> state.step(5)).isInstanceOf(IllegalStateException.class);
      model.close();
    }
  }
}
