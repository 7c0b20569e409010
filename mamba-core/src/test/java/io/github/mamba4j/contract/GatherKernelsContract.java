package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every lookup must do. */
public abstract class GatherKernelsContract extends KernelsContract<GatherKernels> {
  @Override
  final GatherKernels kernels(Backend backend) {
    return backend.gather();
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void lookup_anyWidth_copiesRows(int width) {
    TestMatrix table = matrix(6, width, 3);
    int[] ids = {5, 0, 0, 3};
    TestMatrix out = new TestMatrix(4, width, 2);
    kernels(2)
        .lookup(
            new GatherKernels.Lookup(4, width, 6, TestMatrix.ids(ids), table.view(), out.view()));
    double[][] rows = table.toDoubles();
    out.assertClose(new double[][] {rows[5], rows[0], rows[0], rows[3]}, 0);
  }

  @Test
  void lookup_halfPrecisionTables_areWidened() {
    float[] values = {1.5f, -2, 0.25f, 3, 65504, -0.0f};
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      MemorySegment memory = TestMemory.allocate(12);
      for (int i = 0; i < 6; i++) {
        short half =
            type == DType.F16
                ? Float.floatToFloat16(values[i])
                : (short) (Float.floatToRawIntBits(values[i]) >>> 16);
        memory.setAtIndex(ValueLayout.JAVA_SHORT, i, half);
      }
      TestMatrix out = new TestMatrix(1, 3, 1);
      View table = new View(TestMemory.storage(memory), type, 0, 3);
      kernels(1).lookup(new GatherKernels.Lookup(1, 3, 2, TestMatrix.ids(1), table, out.view()));
      float largest = type == DType.F16 ? 65504 : 65280;
      out.assertClose(new double[][] {{3, largest, -0.0f}}, 0);
    }
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void lookupBackward_repeatedIds_addUp(int width) {
    TestMatrix grad = matrix(5, width, 2);
    TestMatrix table = matrix(4, width, 1);
    double[][] expected = table.toDoubles();
    int[] ids = {2, 0, 2, 2, 3};
    for (int i = 0; i < 5; i++) {
      for (int c = 0; c < width; c++) {
        expected[ids[i]][c] += grad.get(i, c);
      }
    }
    addBack(kernels(2), ids, grad, table);
    table.assertClose(expected, 3e-7);
  }

  /** Few ids and many, one that most positions have, around blocks of 16 and 2048 positions. */
  @ParameterizedTest
  @ValueSource(ints = {1, 16, 17, 100, 2048, 2049, 5000})
  void lookupBackward_unevenIds_addUp(int count) {
    int rows = 500;
    TestMatrix grad = matrix(count, 3, 1);
    TestMatrix table = matrix(rows, 3, 2);
    double[][] expected = table.toDoubles();
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) {
      ids[i] = random.nextInt(4) == 0 ? 77 : (int) (rows * Math.pow(random.nextDouble(), 3));
      for (int c = 0; c < 3; c++) {
        expected[ids[i]][c] += grad.get(i, c);
      }
    }
    addBack(kernels(2), ids, grad, table);
    table.assertClose(expected, 3e-7 * Math.max(1, Math.sqrt(count / 4.0)));
  }

  @Test
  void lookupBackward_threads_sameBits() {
    TestMatrix grad = matrix(3000, 768, 0);
    int[] ids = random.ints(3000, 0, 17).toArray();
    TestMatrix before = matrix(17, 768, 0);
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix table = before.copy();
      addBack(kernels, ids, grad, table);
      return List.of(table);
    });
  }

  @Test
  void lookupBackward_rowsWithoutIds_stay() {
    TestMatrix table = matrix(3, 40, 0);
    TestMatrix before = table.copy();
    addBack(kernels(1), new int[] {1}, matrix(1, 40, 0), table);
    for (int c = 0; c < 40; c++) {
      assertThat(table.get(0, c)).isEqualTo(before.get(0, c));
      assertThat(table.get(2, c)).isEqualTo(before.get(2, c));
      assertThat(table.get(1, c)).isNotEqualTo(before.get(1, c));
    }
  }

  private static void addBack(GatherKernels kernels, int[] ids, TestMatrix grad, TestMatrix table) {
    long floats = kernels.lookupBackwardWorkspaceFloats(ids.length, grad.cols, table.rows);
    kernels.lookupBackward(
        new GatherKernels.LookupBackward(
            ids.length,
            grad.cols,
            table.rows,
            TestMatrix.ids(ids),
            grad.view(),
            table.view(),
            TestMatrix.workspace(floats).view()));
  }
}
