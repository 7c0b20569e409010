package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Memory, launches and graphs on a GPU. */
@OnGpu
class CudaDeviceTest {
  @BeforeEach
  void needGpu() {
    Optional<String> reason = CudaDriver.unusableReason();
    assumeTrue(reason.isEmpty(), () -> reason.orElse(""));
  }

  private static float[] read(CudaDevice device, DeviceMemory memory) {
    float[] values = new float[Math.toIntExact(memory.byteSize() / Float.BYTES)];
    device.read(memory, 0, MemorySegment.ofArray(values));
    return values;
  }

  private static View view(DeviceMemory memory, int cols) {
    return new View(memory, DType.F32, 0, cols);
  }

  @Test
  void memory_newBlock_isZeroAndKeepsWhatIsWritten() {
    try (CudaDevice device = new CudaDevice(0)) {
      DeviceMemory memory = device.allocate(12 * Float.BYTES);
      assertThat(read(device, memory)).containsOnly(0f).hasSize(12);
      device.write(MemorySegment.ofArray(new float[] {1, 2, 3}), memory, 4 * Float.BYTES);
      assertThat(read(device, memory)).containsExactly(0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0);
      device.free(memory);
      assertThat(device.held()).isZero();
    }
  }

  @Test
  void write_manySmallPiecesThatNobodyWaitsFor_allArrive() {
    try (CudaDevice device = new CudaDevice(0)) {
      int count = 2000;
      DeviceMemory memory = device.allocate(DType.F32.bytes(count));
      float[] piece = new float[1];
      for (int i = 0; i < count; i++) {
        piece[0] = i;
        device.write(MemorySegment.ofArray(piece), memory, (long) i * Float.BYTES);
      }
      float[] small = new float[10];
      device.read(memory, 700L * Float.BYTES, MemorySegment.ofArray(small));
      assertThat(small[9]).isEqualTo(709f);
      float[] all = read(device, memory);
      for (int i = 0; i < count; i++) {
        assertThat(all[i]).isEqualTo((float) i);
      }
    }
  }

  @Test
  void hostMemory_readTo_hasWhatTheGpuHasAndOutlivesIt() {
    float[] values = new float[100_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment host;
      try (CudaDevice device = new CudaDevice(0)) {
        DeviceMemory memory = device.allocate(DType.F32.bytes(values.length));
        device.write(MemorySegment.ofArray(values), memory, 0);
        host = device.hostMemory(memory.byteSize(), arena);
        device.read(memory, 0, host);
        try (Arena shorter = Arena.ofShared()) {
          assertThat(device.hostMemory(64, shorter).byteSize()).isEqualTo(64);
        }
        assertThat(host.toArray(ValueLayout.JAVA_FLOAT)).isEqualTo(values);
      }
      assertThat(host.toArray(ValueLayout.JAVA_FLOAT)).isEqualTo(values);
    }
  }

  @Test
  void readLater_changedAfterwards_hasWhatWasThereBefore() {
    try (Arena arena = Arena.ofShared();
        CudaDevice device = new CudaDevice(0)) {
      DeviceMemory memory = device.allocate(1000 * Float.BYTES);
      CudaElementwise kernels = new CudaElementwise(device);
      MemorySegment[] hosts = new MemorySegment[3];
      Runnable[] waits = new Runnable[hosts.length];
      for (int round = 0; round < 2; round++) {
        for (int i = 0; i < hosts.length; i++) {
          hosts[i] = device.hostMemory(memory.byteSize(), arena);
          kernels.fill(view(memory, 1000), 1, 1000, 3 * round + i);
          waits[i] = device.readLater(memory, 0, hosts[i]);
        }
        kernels.fill(view(memory, 1000), 1, 1000, 99);
        for (int i = hosts.length - 1; i >= 0; i--) {
          waits[i].run();
          assertThat(hosts[i].toArray(ValueLayout.JAVA_FLOAT)).containsOnly(3f * round + i);
        }
      }
    }
  }

  @Test
  void memory_moreThanThereIs_isRefusedAndTheDeviceStaysUsable() {
    try (CudaDevice device = new CudaDevice(0)) {
      assertThatExceptionOfType(OutOfMemoryError.class)
          .isThrownBy(() -> device.allocate(1L << 50))
          .withMessageContaining("CudaDevice.allocate: " + (1L << 50) + " bytes were asked for");
      assertThat(read(device, device.allocate(16))).containsOnly(0f);
    }
  }

  @Test
  void graph_replayed_repeatsTheLaunchesOnTheSameMemory() {
    try (CudaDevice device = new CudaDevice(0)) {
      DeviceMemory memory = device.allocate(1000 * Float.BYTES);
      CudaElementwise kernels = new CudaElementwise(device);
      Runnable replay =
          device.capture(List.of(() -> kernels.fill(view(memory, 100), 5, 100, 2.5f)));
      assertThat(read(device, memory)).containsOnly(0f);
      replay.run();
      float[] expected = new float[1000];
      Arrays.fill(expected, 0, 500, 2.5f);
      assertThat(read(device, memory)).isEqualTo(expected);
    }
  }

  @Test
  void close_anything_isGivenBackAndNothingMoreIsDone() {
    CudaDevice device = new CudaDevice(0);
    DeviceMemory memory = device.allocate(64);
    new CudaElementwise(device).fill(view(memory, 16), 1, 16, 1);
    assertThat(device.held()).isEqualTo(2);
    device.close();
    device.close();
    assertThat(device.held()).isZero();
    assertThatIllegalStateException()
        .isThrownBy(device::synchronize)
        .withMessage("CudaDevice: the device is closed, open a new one");
  }
}
