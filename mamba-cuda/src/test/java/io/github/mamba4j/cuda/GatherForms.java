package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The lookups' forms: every type of table, aligned rows and others, results in BF16. */
abstract class GatherForms {
  private static final int ROWS = 11;
  private static final DType[] RESULTS = {DType.F32, DType.BF16};

  private final Random random = new Random(20_261_128);
  private CudaBackend backend;

  abstract CudaBackend open();

  @BeforeEach
  void openBackend() {
    backend = open();
  }

  @AfterEach
  void closeBackend() {
    if (backend != null) { // Where there is no GPU, opening it has skipped the test.
      backend.close();
    }
  }

  private View ids(int... ids) {
    Storage storage = backend.allocate(4L * ids.length);
    try (Arena arena = Arena.ofConfined()) {
      backend.write(arena.allocateFrom(ValueLayout.JAVA_INT, ids), storage, 0);
    }
    return new View(storage, DType.I32, 0, ids.length);
  }

  /** Fills a row with small numbers in steps of 1/4, which all types hold, and returns them. */
  private float[] fill(MemorySegment memory, DType type, long offset, int width) {
    float[] values = new float[width];
    for (int i = 0; i < width; i++) {
      int quarters = random.nextInt(255) - 127;
      values[i] = quarters / 4f;
      long at = type.bytes(offset + (type == DType.INT8 ? i / 32 * 32 : i));
      switch (type) {
        case F32, I32 -> memory.set(ValueLayout.JAVA_FLOAT, at, values[i]);
        case BF16 ->
            memory.set(
                ValueLayout.JAVA_SHORT, at, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
        case F16 -> memory.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16(values[i]));
        case INT8 -> {
          memory.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16(0.25f));
          memory.set(ValueLayout.JAVA_BYTE, at + 2 + i % 32, (byte) quarters);
        }
      }
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "F16", "INT8"})
  void lookup_everyTable_isWidened(DType type) {
    int[] widths = type == DType.INT8 ? new int[] {32, 96, 160} : new int[] {7, 12, 130, 520};
    for (int width : widths) {
      for (int shift : new int[] {0, 32, type == DType.INT8 ? 64 : 1}) {
        long stride = (long) width + shift;
        Storage storage = backend.allocate(type.bytes(shift + ROWS * stride));
        float[][] rows = new float[ROWS][];
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment host = arena.allocate(storage.byteSize(), 8);
          for (int row = 0; row < ROWS; row++) {
            rows[row] = fill(host, type, shift + row * stride, width);
          }
          backend.write(host, storage, 0);
        }
        View table = new View(storage, type, shift, stride);
        int[] ids = {3, 10, 0, 3, 7};
        for (DType result : RESULTS) {
          boolean aligned = shift != 1;
          DeviceMatrix out = new DeviceMatrix(backend, result, 5, width, aligned, random);
          backend
              .gather()
              .lookup(new GatherKernels.Lookup(5, width, ROWS, ids(ids), table, out.view()));
          float[] expected = new float[5 * width];
          for (int i = 0; i < 5; i++) {
            System.arraycopy(rows[ids[i]], 0, expected, i * width, width);
          }
          assertThat(out.read()).isEqualTo(expected);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 60, 3000})
  void lookupBackward_everyTypeAndAlignment_addsTheSame(int count) {
    int width = 12;
    int[] ids = random.ints(count, 0, ROWS * ROWS).map(i -> (int) Math.sqrt(i)).toArray();
    float[] expected = null;
    for (DType type : RESULTS) {
      for (boolean aligned : new boolean[] {false, true}) {
        Random same = new Random(1);
        DeviceMatrix grad = new DeviceMatrix(backend, type, count, width, aligned, same);
        DeviceMatrix table = new DeviceMatrix(backend, DType.F32, ROWS, width, aligned, same);
        addBack(ids, width, ROWS, grad, table);
        float[] sums = table.read();
        expected = expected == null ? sums : expected;
        assertThat(sums).as("%s, aligned %s", type, aligned).isEqualTo(expected);
      }
    }
  }

  private void addBack(int[] ids, int width, int rows, DeviceMatrix grad, DeviceMatrix table) {
    int count = ids.length;
    long floats = backend.gather().lookupBackwardWorkspaceFloats(count, width, rows);
    View workspace = new View(backend.allocate(floats * Float.BYTES), DType.F32, 0, floats);
    backend
        .gather()
        .lookupBackward(
            new GatherKernels.LookupBackward(
                count, width, rows, ids(ids), grad.view(), table.view(), workspace));
  }

  /** More positions than one merge of eight runs sorts, and ids of every frequency. */
  @Test
  void lookupBackward_manyPositions_addUp() {
    int count = 20_000;
    int rows = 3000;
    int[] ids = new int[count];
    double[] expected = new double[rows];
    DeviceMatrix grad = new DeviceMatrix(backend, DType.F32, count, 1, true, random);
    DeviceMatrix table = new DeviceMatrix(backend, DType.F32, rows, 1, true, random);
    float[] grads = grad.read();
    float[] before = table.read();
    for (int i = 0; i < rows; i++) {
      expected[i] = before[i];
    }
    for (int i = 0; i < count; i++) {
      ids[i] = (int) (rows * Math.pow(random.nextDouble(), 4));
      expected[ids[i]] += grads[i];
    }
    addBack(ids, 1, rows, grad, table);
    float[] sums = table.read();
    for (int i = 0; i < rows; i++) {
      assertThat((double) sums[i]).isCloseTo(expected[i], within(1e-3));
    }
  }
}
