package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.View;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What every normalisation of rows must do. */
public abstract class NormKernelsContract extends KernelsContract<NormKernels> {
  @Override
  final NormKernels kernels(Backend backend) {
    return backend.norm();
  }

  private static final float EPS = 1e-5f;

  /** Sums in floats over blocks of 32 rows or one row, relative to the largest value. */
  private static final double TOLERANCE = 2e-6;

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void forward_residualAndSum_followsTheEquation(int width) {
    int rows = 37;
    TestMatrix x = matrix(rows, width, 3);
    TestMatrix residual = matrix(rows, width, 1);
    TestMatrix weight = matrix(1, width, 0);
    TestMatrix out = new TestMatrix(rows, width, 2);
    TestMatrix sum = new TestMatrix(rows, width, 4);
    TestMatrix scale = new TestMatrix(1, rows, 0);
    kernels(2)
        .forward(
            new NormKernels.Forward(
                rows,
                width,
                EPS,
                x.view(),
                residual.view(),
                weight.view(),
                out.view(),
                sum.view(),
                scale.view()));
    double[][] s = add(x.toDoubles(), residual.toDoubles());
    sum.assertClose(s, 1e-7);
    out.assertClose(normalized(s, weight.toDoubles()[0]), TOLERANCE);
    scale.assertClose(new double[][] {scales(s)}, TOLERANCE);
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void forward_nothingOptional_followsTheEquation(int width) {
    TestMatrix x = matrix(3, width, 1);
    TestMatrix weight = matrix(1, width, 0);
    TestMatrix out = new TestMatrix(3, width, 0);
    TestMatrix before = x.copy();
    kernels(1).forward(forward(x, null, weight, out, null));
    out.assertClose(normalized(x.toDoubles(), weight.toDoubles()[0]), TOLERANCE);
    x.assertSameBits(before);
  }

  @Test
  void forward_residualWithoutSum_followsTheEquation() {
    TestMatrix x = matrix(5, 35, 1);
    TestMatrix residual = matrix(5, 35, 2);
    TestMatrix weight = matrix(1, 35, 0);
    TestMatrix out = new TestMatrix(5, 35, 3);
    kernels(1).forward(forward(x, residual.view(), weight, out, null));
    double[][] s = add(x.toDoubles(), residual.toDoubles());
    out.assertClose(normalized(s, weight.toDoubles()[0]), TOLERANCE);
  }

  @Test
  void forward_sumInTheMemoryOfTheResidual_followsTheEquation() {
    TestMatrix x = matrix(5, 35, 1);
    TestMatrix residual = matrix(5, 35, 2);
    double[][] s = add(x.toDoubles(), residual.toDoubles());
    TestMatrix weight = matrix(1, 35, 0);
    TestMatrix out = new TestMatrix(5, 35, 3);
    kernels(1).forward(forward(x, residual.view(), weight, out, residual.view()));
    residual.assertClose(s, 1e-7);
    out.assertClose(normalized(s, weight.toDoubles()[0]), TOLERANCE);
  }

  @Test
  void forward_goldenVectorT5_isMet() {
    TestMatrix x = new TestMatrix(2, 4, 0);
    TestMatrix weight = new TestMatrix(1, 4, 0);
    for (int i = 0; i < 8; i++) {
      x.set(i / 4, i % 4, (float) Math.sin(1.3 + 0.37 * i));
      weight.set(0, i % 4, (float) (1 + 0.1 * Math.sin(3.9 + 0.37 * (i % 4))));
    }
    TestMatrix out = new TestMatrix(2, 4, 0);
    kernels(1).forward(forward(x, null, weight, out, null));
    out.assertClose(
        new double[][] {
          {1.009446282, 1.018296202, 0.903338202, 0.67970841},
          {0.773912751, -0.017965577, -0.78133626, -1.445750452}
        },
        1e-6);
  }

  @Test
  void forward_notANumber_reachesItsRowOnly() {
    TestMatrix x = matrix(2, 35, 0);
    x.set(0, 34, Float.NaN);
    TestMatrix out = new TestMatrix(2, 35, 0);
    kernels(1).forward(forward(x, null, matrix(1, 35, 0), out, null));
    assertThat(out.get(0, 0)).isNaN();
    assertThat(out.get(1, 0)).isNotNaN();
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void backward_overwriting_followsTheEquation(int width) {
    Case test = new Case(77, width);
    TestMatrix xGrad = new TestMatrix(test.rows, width, 3);
    TestMatrix weightGrad = new TestMatrix(1, width, 0);
    kernels(2).backward(test.backward(xGrad, weightGrad, false, false));
    xGrad.assertClose(test.inputGradient(false), TOLERANCE);
    weightGrad.assertClose(new double[][] {test.weightGradient()}, TOLERANCE);
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void backward_addingWithGradientOfSum_followsTheEquation(int width) {
    Case test = new Case(33, width);
    TestMatrix xGrad = matrix(test.rows, width, 3);
    TestMatrix weightGrad = matrix(1, width, 0);
    double[][] inputExpected = add(test.inputGradient(true), xGrad.toDoubles());
    double[][] weightExpected = add(new double[][] {test.weightGradient()}, weightGrad.toDoubles());
    kernels(1).backward(test.backward(xGrad, weightGrad, true, true));
    xGrad.assertClose(inputExpected, TOLERANCE);
    weightGrad.assertClose(weightExpected, TOLERANCE);
  }

  @Test
  void backward_inTheMemoryOfTheGradientOfSum_followsTheEquation() {
    Case test = new Case(5, 35);
    double[][] expected = test.inputGradient(true);
    kernels(1).backward(test.backward(test.sumGrad, null, true, false));
    test.sumGrad.assertClose(expected, TOLERANCE);
  }

  @Test
  void backward_withACopy_writesWhatTheGradientBecomes() {
    for (int add = 0; add < 2; add++) {
      Case test = new Case(35, 68);
      TestMatrix xGrad = matrix(35, 68, 3);
      test.rounded = new TestMatrix(35, 68, 1);
      kernels(2).backward(test.backward(xGrad, null, true, add == 1));
      test.rounded.assertClose(xGrad.toDoubles(), 0);
    }
  }

  @Test
  void backward_weightGradientAlone_isComputed() {
    Case test = new Case(65, 35);
    TestMatrix weightGrad = new TestMatrix(1, 35, 0);
    kernels(1).backward(test.backward(null, weightGrad, false, false));
    weightGrad.assertClose(new double[][] {test.weightGradient()}, TOLERANCE);
  }

  @Test
  void backward_threads_sameBits() {
    Case test = new Case(1000, 256);
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix xGrad = new TestMatrix(1000, 256, 3);
      TestMatrix weightGrad = new TestMatrix(1, 256, 0);
      kernels.backward(test.backward(xGrad, weightGrad, true, false));
      return List.of(xGrad, weightGrad);
    });
  }

  /** The equations that the tests above compare with, checked against differences. */
  @Test
  void reference_centralDifferences_agree() {
    Case test = new Case(2, 5);
    double[][] s = test.s.toDoubles();
    double[][] grad = test.outGrad.toDoubles();
    double[] weight = test.weight.toDoubles()[0];
    double h = 1e-5;
    for (int r = 0; r < 2; r++) {
      for (int c = 0; c < 5; c++) {
        s[r][c] += h;
        double above = dot(grad, normalized(s, weight));
        s[r][c] -= 2 * h;
        double below = dot(grad, normalized(s, weight));
        s[r][c] += h;
        assertThat(test.inputGradient(false)[r][c])
            .isCloseTo((above - below) / (2 * h), within(1e-7));
      }
    }
    for (int c = 0; c < 5; c++) {
      weight[c] += h;
      double above = dot(grad, normalized(s, weight));
      weight[c] -= 2 * h;
      double below = dot(grad, normalized(s, weight));
      weight[c] += h;
      assertThat(test.weightGradient()[c]).isCloseTo((above - below) / (2 * h), within(1e-7));
    }
  }

  private static NormKernels.Forward forward(
      TestMatrix x, View residual, TestMatrix weight, TestMatrix out, View sum) {
    return new NormKernels.Forward(
        x.rows, x.cols, EPS, x.view(), residual, weight.view(), out.view(), sum, null);
  }

  private static double dot(double[][] a, double[][] b) {
    double sum = 0;
    for (int r = 0; r < a.length; r++) {
      for (int c = 0; c < a[r].length; c++) {
        sum += a[r][c] * b[r][c];
      }
    }
    return sum;
  }

  private static double[][] add(double[][] a, double[][] b) {
    double[][] sum = new double[a.length][a[0].length];
    for (int r = 0; r < a.length; r++) {
      for (int c = 0; c < a[r].length; c++) {
        sum[r][c] = a[r][c] + b[r][c];
      }
    }
    return sum;
  }

  private static double[] scales(double[][] s) {
    double[] scales = new double[s.length];
    for (int r = 0; r < s.length; r++) {
      double squares = 0;
      for (double value : s[r]) {
        squares += value * value;
      }
      scales[r] = 1 / Math.sqrt(squares / s[r].length + EPS);
    }
    return scales;
  }

  private static double[][] normalized(double[][] s, double[] weight) {
    double[] scales = scales(s);
    double[][] out = new double[s.length][weight.length];
    for (int r = 0; r < s.length; r++) {
      for (int c = 0; c < weight.length; c++) {
        out[r][c] = s[r][c] * scales[r] * weight[c];
      }
    }
    return out;
  }

  /** A backward pass on random numbers and its results in double precision. */
  private final class Case {
    final int rows;
    final int width;
    final TestMatrix s;
    final TestMatrix weight;
    final TestMatrix scale;
    final TestMatrix outGrad;
    final TestMatrix sumGrad;
    @Nullable TestMatrix rounded;

    Case(int rows, int width) {
      this.rows = rows;
      this.width = width;
      s = matrix(rows, width, 1);
      weight = matrix(1, width, 0);
      outGrad = matrix(rows, width, 2);
      sumGrad = matrix(rows, width, 0);
      scale = new TestMatrix(1, rows, 0);
      double[] scales = scales(s.toDoubles());
      for (int r = 0; r < rows; r++) {
        scale.set(0, r, (float) scales[r]);
      }
    }

    NormKernels.Backward backward(
        TestMatrix xGrad, TestMatrix weightGrad, boolean withSumGrad, boolean add) {
      return new NormKernels.Backward(
          rows,
          width,
          s.view(),
          weight.view(),
          scale.view(),
          outGrad.view(),
          withSumGrad ? sumGrad.view() : null,
          xGrad == null ? null : xGrad.sink(add),
          rounded == null ? null : rounded.view(),
          weightGrad == null ? null : weightGrad.sink(add),
          TestMatrix.workspace(kernels(1).backwardWorkspaceFloats(rows, width)).view());
    }

    double[][] inputGradient(boolean withSumGrad) {
      double[][] x = s.toDoubles();
      double[] scales = scales(x);
      double[][] grad = outGrad.toDoubles();
      double[] w = weight.toDoubles()[0];
      double[][] result = new double[rows][width];
      for (int r = 0; r < rows; r++) {
        double dot = 0;
        for (int c = 0; c < width; c++) {
          dot += grad[r][c] * w[c] * x[r][c];
        }
        for (int c = 0; c < width; c++) {
          double cube = Math.pow(scales[r], 3);
          result[r][c] = grad[r][c] * w[c] * scales[r] - x[r][c] * cube * dot / width;
          result[r][c] += withSumGrad ? sumGrad.get(r, c) : 0;
        }
      }
      return result;
    }

    double[] weightGradient() {
      double[][] x = s.toDoubles();
      double[] scales = scales(x);
      double[] result = new double[width];
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < width; c++) {
          result[c] += outGrad.get(r, c) * x[r][c] * scales[r];
        }
      }
      return result;
    }
  }
}
