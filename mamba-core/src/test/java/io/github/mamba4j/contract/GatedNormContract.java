package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.NormKernels.GatedBackward;
import io.github.mamba4j.spi.NormKernels.GatedForward;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What every gated normalisation must do. */
public abstract class GatedNormContract extends KernelsContract<NormKernels> {
  @Override
  final NormKernels kernels(Backend backend) {
    return backend.norm();
  }

  private static final float EPS = 1e-5f;

  /** Relative to the largest value. */
  private static final double TOLERANCE = 4e-6;

  @ParameterizedTest
  @CsvSource({
    "3, 3, 1, true",
    "3, 3, 1, false",
    "37, 35, 1, true",
    "37, 35, 5, false",
    "5, 34, 2, true",
    "33, 200, 1, true",
    "5, 96, 3, true",
    "5, 96, 3, false",
    "2, 67, 1, false"
  })
  void gated_everyShape_followsTheEquation(int rows, int width, int groups, boolean gateFirst) {
    GatedShape shape = new GatedShape(rows, width, groups, EPS, gateFirst);
    Case test = new Case(shape);
    NormKernels kernels = kernels(2);
    TestMatrix out = new TestMatrix(rows, width, 3);
    TestMatrix scale = new TestMatrix(1, rows * groups, 0);
    kernels.gatedForward(test.forward(out, scale));
    out.assertClose(test.out(), TOLERANCE);
    for (boolean add : new boolean[] {false, true}) {
      TestMatrix xGrad = add ? matrix(rows, width, 1) : new TestMatrix(rows, width, 1);
      TestMatrix zGrad = add ? matrix(rows, width, 2) : new TestMatrix(rows, width, 2);
      TestMatrix weightGrad = add ? matrix(1, width, 0) : new TestMatrix(1, width, 0);
      double[][][] before = {xGrad.toDoubles(), zGrad.toDoubles(), weightGrad.toDoubles()};
      kernels.gatedBackward(test.backward(scale, xGrad, zGrad, weightGrad, add));
      double[][][] expected = test.gradients();
      xGrad.assertClose(sum(expected[0], before[0], add), TOLERANCE);
      zGrad.assertClose(sum(expected[1], before[1], add), TOLERANCE);
      weightGrad.assertClose(sum(expected[2], before[2], add), TOLERANCE);
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void gatedForward_inTheMemoryOfX_followsTheEquation(boolean gateFirst) {
    Case test = new Case(new GatedShape(4, 35, 1, EPS, gateFirst));
    double[][] expected = test.out();
    kernels(1).gatedForward(test.forward(test.x, null));
    test.x.assertClose(expected, TOLERANCE);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void gatedBackward_oneGradientWanted_isTheSame(boolean gateFirst) {
    Case test = new Case(new GatedShape(40, 36, 2, EPS, gateFirst));
    NormKernels kernels = kernels(1);
    TestMatrix scale = new TestMatrix(1, 80, 0);
    kernels.gatedForward(test.forward(new TestMatrix(40, 36, 0), scale));
    TestMatrix[] all = new TestMatrix[3];
    TestMatrix[] one = new TestMatrix[3];
    for (int i = 0; i < 3; i++) {
      all[i] = new TestMatrix(i == 2 ? 1 : 40, 36, 0);
      one[i] = all[i].copy();
    }
    kernels.gatedBackward(test.backward(scale, all[0], all[1], all[2], false));
    kernels.gatedBackward(test.backward(scale, one[0], null, null, false));
    kernels.gatedBackward(test.backward(scale, null, one[1], null, false));
    kernels.gatedBackward(test.backward(scale, null, null, one[2], false));
    for (int i = 0; i < 3; i++) {
      one[i].assertSameBits(all[i]);
    }
  }

  @Test
  void gated_threads_sameBits() {
    Case test = new Case(new GatedShape(300, 64, 2, EPS, true));
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix out = new TestMatrix(300, 64, 0);
      TestMatrix scale = new TestMatrix(1, 600, 0);
      TestMatrix xGrad = new TestMatrix(300, 64, 0);
      TestMatrix zGrad = new TestMatrix(300, 64, 0);
      TestMatrix weightGrad = new TestMatrix(1, 64, 0);
      kernels.gatedForward(test.forward(out, scale));
      kernels.gatedBackward(test.backward(scale, xGrad, zGrad, weightGrad, false));
      return List.of(out, scale, xGrad, zGrad, weightGrad);
    });
  }

  @Test
  void gatedForward_goldenVectorT5_isMet() {
    double[][] oneGroup = {
      {1.611971998, 0.466778624, -0.397211531, -0.667239092},
      {-0.74340984, 0.018460637, 0.809594347, 1.444282662}
    };
    double[][] twoGroups = {
      {1.262516837, 0.365586917, -0.653187435, -1.097229452},
      {-1.314830139, 0.032650364, 0.624556372, 1.114182607}
    };
    double[][] normFirst = {
      {0.325801769, 0.094342396, -0.080281928, -0.134858221},
      {-0.192651398, 0.004783993, 0.209802822, 0.374279514}
    };
    golden(new GatedShape(2, 4, 1, EPS, true), oneGroup);
    golden(new GatedShape(2, 4, 2, EPS, true), twoGroups);
    golden(new GatedShape(2, 4, 1, EPS, false), normFirst);
  }

  private void golden(GatedShape shape, double[][] expected) {
    Case test = new Case(shape);
    for (int i = 0; i < 8; i++) {
      test.x.set(i / 4, i % 4, (float) Math.sin(1.3 + 0.37 * i));
      test.z.set(i / 4, i % 4, (float) Math.sin(2.6 + 0.37 * i));
      test.weight.set(0, i % 4, (float) (1 + 0.1 * Math.sin(3.9 + 0.37 * (i % 4))));
    }
    TestMatrix out = new TestMatrix(2, 4, 1);
    kernels(1).gatedForward(test.forward(out, null));
    out.assertClose(expected, 1e-6);
  }

  /** The equations that the tests above compare with, checked against differences. */
  @ParameterizedTest
  @CsvSource({"true", "false"})
  void reference_centralDifferences_agree(boolean gateFirst) {
    Case test = new Case(new GatedShape(2, 6, 2, EPS, gateFirst));
    double[][][] expected = test.gradients();
    TestMatrix[] inputs = {test.x, test.z, test.weight};
    float h = 1f / 8192;
    for (int i = 0; i < 3; i++) {
      for (int r = 0; r < inputs[i].rows; r++) {
        for (int c = 0; c < 6; c++) {
          float before = inputs[i].get(r, c);
          inputs[i].set(r, c, before + h);
          double above = test.objective();
          double up = inputs[i].get(r, c);
          inputs[i].set(r, c, before - h);
          double below = test.objective();
          double down = inputs[i].get(r, c);
          inputs[i].set(r, c, before);
          assertThat(expected[i][r][c]).isCloseTo((above - below) / (up - down), within(1e-5));
        }
      }
    }
  }

  private static double[][] sum(double[][] a, double[][] b, boolean add) {
    double[][] sum = new double[a.length][a[0].length];
    for (int r = 0; r < a.length; r++) {
      for (int c = 0; c < a[r].length; c++) {
        sum[r][c] = a[r][c] + (add ? b[r][c] : 0);
      }
    }
    return sum;
  }

  /** A gated normalisation of random numbers and its results in double precision. */
  private final class Case {
    final GatedShape shape;
    final TestMatrix x;
    final TestMatrix z;
    final TestMatrix weight;
    final TestMatrix outGrad;

    Case(GatedShape shape) {
      this.shape = shape;
      x = matrix(shape.rows(), shape.width(), 1);
      z = matrix(shape.rows(), shape.width(), 2);
      weight = matrix(1, shape.width(), 0);
      outGrad = matrix(shape.rows(), shape.width(), 3);
    }

    GatedForward forward(TestMatrix out, TestMatrix scale) {
      return new GatedForward(
          shape,
          x.view(),
          z.view(),
          weight.view(),
          out.view(),
          scale == null ? null : scale.view());
    }

    GatedBackward backward(
        TestMatrix scale, TestMatrix xGrad, TestMatrix zGrad, TestMatrix weightGrad, boolean add) {
      return new GatedBackward(
          shape,
          x.view(),
          z.view(),
          weight.view(),
          scale.view(),
          outGrad.view(),
          xGrad == null ? null : xGrad.sink(add),
          zGrad == null ? null : zGrad.sink(add),
          weightGrad == null ? null : weightGrad.sink(add),
          TestMatrix.workspace(kernels(1).gatedBackwardWorkspaceFloats(shape)).view());
    }

    private double silu(int r, int c) {
      return z.get(r, c) / (1 + Math.exp(-z.get(r, c)));
    }

    private double normed(int r, int c) {
      return shape.gateFirst() ? x.get(r, c) * silu(r, c) : x.get(r, c);
    }

    private double scale(int r, int c) {
      int n = shape.width() / shape.groups();
      int first = c / n * n;
      double squares = 0;
      for (int i = first; i < first + n; i++) {
        squares += normed(r, i) * normed(r, i);
      }
      return 1 / Math.sqrt(squares / n + EPS);
    }

    double[][] out() {
      double[][] out = new double[shape.rows()][shape.width()];
      for (int r = 0; r < shape.rows(); r++) {
        for (int c = 0; c < shape.width(); c++) {
          double gate = shape.gateFirst() ? 1 : silu(r, c);
          out[r][c] = normed(r, c) * scale(r, c) * weight.get(0, c) * gate;
        }
      }
      return out;
    }

    double objective() {
      double[][] out = out();
      double sum = 0;
      for (int r = 0; r < shape.rows(); r++) {
        for (int c = 0; c < shape.width(); c++) {
          sum += out[r][c] * outGrad.get(r, c);
        }
      }
      return sum;
    }

    /** Gradients of x, z and the weight. */
    double[][][] gradients() {
      int n = shape.width() / shape.groups();
      double[][][] result = new double[3][shape.rows()][shape.width()];
      result[2] = new double[1][shape.width()];
      for (int r = 0; r < shape.rows(); r++) {
        double dot = 0;
        for (int c = 0; c < shape.width(); c++) {
          if (c % n == 0) {
            dot = 0;
            for (int i = c; i < c + n; i++) {
              double gate = shape.gateFirst() ? 1 : silu(r, i);
              dot += outGrad.get(r, i) * gate * weight.get(0, i) * normed(r, i);
            }
          }
          double s = scale(r, c);
          double sigmoid = 1 / (1 + Math.exp(-z.get(r, c)));
          double slope = sigmoid * (1 + z.get(r, c) * (1 - sigmoid));
          double gate = shape.gateFirst() ? 1 : silu(r, c);
          double grad = outGrad.get(r, c) * gate;
          double normGrad = s * grad * weight.get(0, c) - normed(r, c) * s * s * s * dot / n;
          result[2][0][c] += grad * normed(r, c) * s;
          if (shape.gateFirst()) {
            result[0][r][c] = normGrad * silu(r, c);
            result[1][r][c] = normGrad * x.get(r, c) * slope;
          } else {
            result[0][r][c] = normGrad;
            result[1][r][c] = outGrad.get(r, c) * x.get(r, c) * s * weight.get(0, c) * slope;
          }
        }
      }
      return result;
    }
  }
}
