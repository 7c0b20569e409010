package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.ElementwiseKernels.Axis;
import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/** What functions of elements and sums must do. */
public abstract class ElementwiseKernelsContract extends KernelsContract<ElementwiseKernels> {
  @Override
  final ElementwiseKernels kernels(Backend backend) {
    return backend.elementwise();
  }

  /** Of the largest value: a few rounding errors of one function. */
  private static final double TOLERANCE = 4e-7;

  @ParameterizedTest
  @EnumSource
  void map_anyWidthOverwritingAndAdding_isTheFunction(Unary function) {
    for (int width : TestMatrix.WIDTHS) {
      for (int gap = 0; gap < 2; gap++) {
        TestMatrix x = matrix(3, width, gap);
        double[][] expected = apply(x, x, (a, b) -> value(function, a));
        TestMatrix out = new TestMatrix(3, width, gap);
        kernels(1).map(new ElementwiseKernels.Map(function, 3, width, x.view(), out.sink(false)));
        out.assertClose(expected, TOLERANCE);
        kernels(1).map(new ElementwiseKernels.Map(function, 3, width, x.view(), out.sink(true)));
        out.assertClose(apply(x, x, (a, b) -> 2 * value(function, a)), TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void mapBackward_anyWidthOverwritingAndAdding_isTheDerivative(Unary function) {
    double h = 1e-6;
    for (int width : TestMatrix.WIDTHS) {
      for (int gap = 0; gap < 2; gap++) {
        TestMatrix x = matrix(3, width, gap);
        TestMatrix grad = matrix(3, width, 2 * gap);
        DoubleBinaryOperator truth =
            (a, g) -> g * (value(function, a + h) - value(function, a - h)) / (2 * h);
        TestMatrix out = new TestMatrix(3, width, gap);
        kernels(1)
            .mapBackward(
                new ElementwiseKernels.MapBackward(
                    function, 3, width, x.view(), grad.view(), out.sink(false)));
        out.assertClose(apply(x, grad, truth), TOLERANCE);
        kernels(1)
            .mapBackward(
                new ElementwiseKernels.MapBackward(
                    function, 3, width, x.view(), grad.view(), out.sink(true)));
        out.assertClose(apply(x, grad, (a, g) -> 2 * truth.applyAsDouble(a, g)), TOLERANCE);
      }
    }
  }

  @Test
  void map_extremes_staySensible() {
    TestMatrix x = new TestMatrix(1, 20, 0);
    for (int i = 0; i < 20; i++) {
      x.set(0, i, i % 2 == 0 ? 200 : -200);
    }
    TestMatrix out = new TestMatrix(1, 20, 0);
    kernels(1).map(new ElementwiseKernels.Map(Unary.SOFTPLUS, 1, 20, x.view(), out.sink(false)));
    out.assertClose(apply(x, x, (a, b) -> Math.max(a, 0)), 0);
    kernels(1)
        .mapBackward(
            new ElementwiseKernels.MapBackward(
                Unary.SILU, 1, 20, x.view(), x.view(), out.sink(false)));
    out.assertClose(apply(x, x, (a, b) -> a > 0 ? a : 0), 0);
  }

  @Test
  void transpose_anySizesOverwritingAndAdding_exchangesRowsAndColumns() {
    int[][] sizes = {{1, 1}, {3, 17}, {16, 16}, {17, 33}, {64, 4}, {65, 8}, {130, 35}, {8, 768}};
    for (int[] size : sizes) {
      for (int gap = 0; gap < 2; gap++) {
        TestMatrix x = matrix(size[0], size[1], gap);
        TestMatrix out = new TestMatrix(size[1], size[0], 2 * gap);
        double[][] expected = new double[size[1]][size[0]];
        for (int add = 0; add < 2; add++) {
          for (int i = 0; i < size[0]; i++) {
            for (int j = 0; j < size[1]; j++) {
              expected[j][i] += x.get(i, j);
            }
          }
          kernels(2)
              .transpose(
                  new ElementwiseKernels.Transpose(size[0], size[1], x.view(), out.sink(add == 1)));
          out.assertClose(expected, 0);
        }
      }
    }
  }

  @Test
  void decay_anySizesOverwritingAndAdding_isTheNegativeExponential() {
    for (int[] size : new int[][] {{1, 1}, {3, 17}, {17, 33}, {70, 16}, {130, 35}}) {
      TestMatrix x = matrix(size[0], size[1], 1);
      TestMatrix out = new TestMatrix(size[1], size[0], 2);
      TestMatrix outGrad = matrix(size[1], size[0], 3);
      TestMatrix xGrad = new TestMatrix(size[0], size[1], 1);
      double[][] values = new double[size[1]][size[0]];
      double[][] slopes = new double[size[0]][size[1]];
      for (int add = 0; add < 2; add++) {
        for (int i = 0; i < size[0]; i++) {
          for (int j = 0; j < size[1]; j++) {
            double value = -Math.exp(x.get(i, j));
            values[j][i] += value;
            slopes[i][j] += (add + 1) * value * outGrad.get(j, i);
          }
        }
        Sink sink = out.sink(add == 1);
        kernels(2).decay(new ElementwiseKernels.Decay(size[0], size[1], x.view(), sink));
        out.assertClose(values, TOLERANCE);
        View rates = out.view();
        kernels(2)
            .decayBackward(
                new ElementwiseKernels.DecayBackward(
                    size[0], size[1], rates, outGrad.view(), xGrad.sink(add == 1)));
        xGrad.assertClose(slopes, TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void combine_anyWidthOverwritingAndAdding_isTheFunction(Binary function) {
    for (int width : TestMatrix.WIDTHS) {
      for (int gap = 0; gap < 2; gap++) {
        TestMatrix a = matrix(4, width, gap);
        TestMatrix b = matrix(4, width, 2 * gap);
        TestMatrix out = new TestMatrix(4, width, gap);
        kernels(1)
            .combine(
                new ElementwiseKernels.Combine(
                    function, 4, width, a.view(), b.view(), out.sink(false)));
        out.assertClose(apply(a, b, (v, w) -> value(function, v, w)), TOLERANCE);
        kernels(1)
            .combine(
                new ElementwiseKernels.Combine(
                    function, 4, width, a.view(), b.view(), out.sink(true)));
        out.assertClose(apply(a, b, (v, w) -> 2 * value(function, v, w)), TOLERANCE);
      }
    }
  }

  @Test
  void combine_strideZero_repeatsTheRow() {
    TestMatrix a = matrix(7, 19, 0);
    TestMatrix bias = matrix(1, 19, 0);
    TestMatrix out = new TestMatrix(7, 19, 0);
    View repeated = repeat(bias);
    kernels(2)
        .combine(
            new ElementwiseKernels.Combine(Binary.ADD, 7, 19, a.view(), repeated, out.sink(false)));
    double[][] expected = a.toDoubles();
    for (double[] row : expected) {
      for (int c = 0; c < 19; c++) {
        row[c] += bias.get(0, c);
      }
    }
    out.assertClose(expected, TOLERANCE);
  }

  @Test
  void combine_inPlace_isTheFunction() {
    TestMatrix a = matrix(70, 700, 0);
    TestMatrix b = matrix(70, 700, 0);
    double[][] expected = apply(a, b, (v, w) -> v * w);
    kernels(3)
        .combine(
            new ElementwiseKernels.Combine(
                Binary.MULTIPLY, 70, 700, a.view(), b.view(), a.sink(false)));
    a.assertClose(expected, TOLERANCE);
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void scale_factorAndDeviceFactor_multiply(int width) {
    TestMatrix x = matrix(5, width, 1);
    TestMatrix device = new TestMatrix(1, 1, 0);
    device.set(0, 0, -3);
    TestMatrix out = new TestMatrix(5, width, 2);
    kernels(1)
        .scale(
            new ElementwiseKernels.Scale(5, width, 0.5f, device.view(), x.view(), out.sink(false)));
    out.assertClose(apply(x, x, (a, b) -> -1.5 * a), TOLERANCE);
    kernels(1).scale(new ElementwiseKernels.Scale(5, width, 2, null, x.view(), out.sink(true)));
    out.assertClose(apply(x, x, (a, b) -> 0.5 * a), 2e-6);
  }

  @Test
  void scale_strideZero_repeatsTheRow() {
    TestMatrix row = matrix(1, 35, 0);
    TestMatrix out = new TestMatrix(600, 35, 0);
    kernels(2).scale(new ElementwiseKernels.Scale(600, 35, 1, null, repeat(row), out.sink(false)));
    for (int r = 0; r < 600; r++) {
      for (int c = 0; c < 35; c++) {
        assertThat(out.get(r, c)).isEqualTo(row.get(0, c));
      }
    }
    out.assertSurroundingsIntact();
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void fill_anyWidth_setsElementsOnly(int width) {
    for (int gap = 0; gap < 2; gap++) {
      TestMatrix out = new TestMatrix(9, width, gap);
      kernels(2).fill(out.view(), 9, width, 2.5f);
      out.assertClose(apply(out, out, (a, b) -> 2.5), 0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void sum_anyShapeOverwritingAndAdding_isTheSum(Axis axis) {
    int[][] shapes = {{1, 1}, {1, 40_000}, {33, 7}, {3, 17_001}, {500, 35}, {1000, 64}, {2, 256}};
    for (int[] shape : shapes) {
      for (int gap = 0; gap < 2; gap++) {
        TestMatrix x = positive(shape[0], shape[1], gap);
        TestMatrix out = new TestMatrix(1, axis == Axis.ROWS ? x.cols : x.rows, 0);
        kernels(2).sum(sum(axis, x, out, 0.5f, false));
        double[][] expected = sums(axis, x, 0.5);
        out.assertClose(expected, 2e-6);
        kernels(2).sum(sum(axis, x, out, 0.25f, true));
        out.assertClose(sums(axis, x, 0.75), 2e-6);
      }
    }
  }

  @Test
  void everything_threads_sameBits() {
    TestMatrix x = matrix(300, 257, 0);
    TestMatrix y = matrix(300, 257, 3);
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix a = new TestMatrix(300, 257, 0);
      TestMatrix b = new TestMatrix(300, 257, 1);
      TestMatrix c = new TestMatrix(1, 257, 0);
      TestMatrix d = new TestMatrix(1, 300, 0);
      kernels.map(new ElementwiseKernels.Map(Unary.SILU, 300, 257, x.view(), a.sink(false)));
      kernels.mapBackward(
          new ElementwiseKernels.MapBackward(
              Unary.SILU, 300, 257, x.view(), y.view(), b.sink(false)));
      kernels.combine(
          new ElementwiseKernels.Combine(
              Binary.MULTIPLY, 300, 257, x.view(), y.view(), b.sink(true)));
      kernels.sum(sum(Axis.ROWS, x, c, 1, false));
      kernels.sum(sum(Axis.COLUMNS, y, d, 1, false));
      return List.of(a, b, c, d);
    });
  }

  /** Returns numbers whose sum is as large as its terms are together, as the tolerance assumes. */
  private TestMatrix positive(int rows, int cols, int gap) {
    TestMatrix x = matrix(rows, cols, gap);
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        x.set(r, c, Math.abs(x.get(r, c)));
      }
    }
    return x;
  }

  private ElementwiseKernels.Sum sum(
      Axis axis, TestMatrix x, TestMatrix out, float factor, boolean add) {
    long floats = kernels(1).sumWorkspaceFloats(axis, x.rows, x.cols);
    return new ElementwiseKernels.Sum(
        axis, x.rows, x.cols, factor, x.view(), out.sink(add), TestMatrix.workspace(floats).view());
  }

  private static double[][] sums(Axis axis, TestMatrix x, double factor) {
    double[] sums = new double[axis == Axis.ROWS ? x.cols : x.rows];
    for (int r = 0; r < x.rows; r++) {
      for (int c = 0; c < x.cols; c++) {
        sums[axis == Axis.ROWS ? c : r] += factor * x.get(r, c);
      }
    }
    return new double[][] {sums};
  }

  private static View repeat(TestMatrix row) {
    View view = row.view();
    return new View(view.storage(), DType.F32, view.offset(), 0);
  }

  private static double[][] apply(TestMatrix a, TestMatrix b, DoubleBinaryOperator function) {
    double[][] result = new double[a.rows][a.cols];
    for (int r = 0; r < a.rows; r++) {
      for (int c = 0; c < a.cols; c++) {
        result[r][c] = function.applyAsDouble(a.get(r, c), b.get(r, c));
      }
    }
    return result;
  }

  private static double value(Unary function, double x) {
    return switch (function) {
      case EXP -> Math.exp(x);
      case NEGATE -> -x;
      case SIGMOID -> 1 / (1 + Math.exp(-x));
      case SILU -> x / (1 + Math.exp(-x));
      case SOFTPLUS -> Math.log1p(Math.exp(x));
      case TANH -> Math.tanh(x);
    };
  }

  private static double value(Binary function, double a, double b) {
    return switch (function) {
      case ADD -> a + b;
      case SUBTRACT -> a - b;
      case MULTIPLY -> a * b;
    };
  }
}
