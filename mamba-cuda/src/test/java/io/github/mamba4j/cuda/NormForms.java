package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import io.github.mamba4j.spi.View;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The normalisations in the forms that the contracts do not reach: bf16, whole vectors, rows of any
 * length; against the equations in double precision.
 */
abstract class NormForms {
  private static final float EPS = 1e-5f;
  private static final double TOLERANCE = 4e-6;

  private final Random random = new Random(20_261_128);
  private CudaBackend backend;

  /** Opens a backend over a {@link TestGpu}. */
  abstract CudaBackend open();

  @BeforeEach
  void openBackend() {
    backend = open();
  }

  @AfterEach
  void closeBackend() {
    if (backend != null) { // null where there is no GPU
      backend.close();
    }
  }

  private TypedMatrix matrix(DType type, int rows, int cols, boolean aligned) {
    return new TypedMatrix((TestGpu) backend.gpu(), type, rows, cols, aligned);
  }

  private TypedMatrix random(DType type, int rows, int cols, boolean aligned) {
    return matrix(type, rows, cols, aligned).random(random);
  }

  /** Returns the reciprocal roots of the groups of n columns. */
  private static double[][] scales(double[][] v, int n) {
    double[][] scales = new double[v.length][v[0].length / n];
    for (int r = 0; r < v.length; r++) {
      for (int g = 0; g < scales[r].length; g++) {
        double squares = 0;
        for (int i = 0; i < n; i++) {
          squares += v[r][g * n + i] * v[r][g * n + i];
        }
        scales[r][g] = 1 / Math.sqrt(squares / n + EPS);
      }
    }
    return scales;
  }

  /** The gradient of v in v · scale · weight. */
  private static double[][] gradient(double[][] v, double[][] grad, double[] weight, int n) {
    double[][] scales = scales(v, n);
    double[][] result = new double[v.length][v[0].length];
    for (int r = 0; r < v.length; r++) {
      for (int g = 0; g < scales[r].length; g++) {
        double scale = scales[r][g];
        double dot = 0;
        for (int c = g * n; c < (g + 1) * n; c++) {
          dot += grad[r][c] * weight[c] * v[r][c];
        }
        for (int c = g * n; c < (g + 1) * n; c++) {
          double pull = v[r][c] * Math.pow(scale, 3) * dot / n;
          result[r][c] = grad[r][c] * weight[c] * scale - pull;
        }
      }
    }
    return result;
  }

  private static double[][] weightGradient(double[][] v, double[][] grad, int n) {
    double[][] scales = scales(v, n);
    double[][] result = new double[1][v[0].length];
    for (int r = 0; r < v.length; r++) {
      for (int c = 0; c < v[r].length; c++) {
        result[0][c] += grad[r][c] * v[r][c] * scales[r][c / n];
      }
    }
    return result;
  }

  /** Adds or multiplies elements. */
  private static double[][] combine(double[][] a, double[][] b, boolean product) {
    double[][] result = new double[a.length][a[0].length];
    for (int r = 0; r < a.length; r++) {
      for (int c = 0; c < a[r].length; c++) {
        result[r][c] = product ? a[r][c] * b[r][c] : a[r][c] + b[r][c];
      }
    }
    return result;
  }

  private static double[][] scaled(double[][] v, double[] weight, int n) {
    double[][] scales = scales(v, n);
    double[][] result = new double[v.length][v[0].length];
    for (int r = 0; r < v.length; r++) {
      for (int c = 0; c < v[r].length; c++) {
        result[r][c] = v[r][c] * scales[r][c / n] * weight[c];
      }
    }
    return result;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, F32, BF16, false",
    "9, 35, BF16, F32, false",
    "3, 128, BF16, BF16, true",
    "11, 200, BF16, BF16, true",
    "9, 512, F32, F32, true",
    "3, 512, BF16, BF16, false",
    "2, 768, BF16, F32, true",
    "2, 1023, BF16, BF16, false",
    "2, 2048, F32, BF16, true",
    "2, 2560, BF16, BF16, true",
    "1, 5120, F32, F32, true",
    "1, 5119, BF16, BF16, false",
    "2, 8200, BF16, BF16, true",
    "1, 8195, F32, BF16, false",
    "1, 8200, F32, F32, true"
  })
  void forward_everyForm_followsTheEquation(
      int rows, int width, DType in, DType out, boolean vectors) {
    TypedMatrix x = random(in, rows, width, vectors);
    TypedMatrix residual = random(DType.F32, rows, width, vectors);
    TypedMatrix weight = random(DType.F32, 1, width, vectors);
    TypedMatrix result = matrix(out, rows, width, vectors);
    TypedMatrix scale = matrix(DType.F32, 1, rows, false);
    double[] w = weight.toDoubles()[0];
    backend.norm().forward(forward(x, null, weight, result, null, scale));
    result.assertClose(scaled(x.toDoubles(), w, width), TOLERANCE);
    double[][] s = combine(x.toDoubles(), residual.toDoubles(), false);
    backend.norm().forward(forward(x, residual.view(), weight, result, residual.view(), scale));
    result.assertClose(scaled(s, w, width), TOLERANCE);
    residual.assertClose(s, 1e-7);
    scale.assertClose(new double[][] {column(scales(s, width))}, TOLERANCE);
  }

  private static NormKernels.Forward forward(
      TypedMatrix x,
      View residual,
      TypedMatrix weight,
      TypedMatrix out,
      View sum,
      TypedMatrix scale) {
    return new NormKernels.Forward(
        x.rows, x.cols, EPS, x.view(), residual, weight.view(), out.view(), sum, scale.view());
  }

  private static double[] column(double[][] values) {
    double[] column = new double[values.length];
    for (int r = 0; r < values.length; r++) {
      column[r] = values[r][0];
    }
    return column;
  }

  private TypedMatrix filled(double[][] values) {
    TypedMatrix matrix = matrix(DType.F32, values.length, values[0].length, false);
    matrix.set(values);
    return matrix;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, F32, BF16, F32, false",
    "37, 35, F32, BF16, F32, false",
    "35, 128, F32, F32, F32, true",
    "35, 200, BF16, BF16, BF16, true",
    "19, 512, F32, BF16, F32, true",
    "5, 768, F32, BF16, F32, true",
    "5, 1023, BF16, BF16, BF16, false",
    "3, 2560, F32, BF16, F32, true",
    "3, 2565, F32, BF16, BF16, false",
    "3, 8200, F32, BF16, F32, true",
    "3, 8195, BF16, BF16, BF16, false"
  })
  void backward_everyForm_followsTheEquation(
      int rows, int width, DType sum, DType grad, DType xGrad, boolean vectors) {
    TypedMatrix s = random(sum, rows, width, vectors);
    TypedMatrix weight = random(DType.F32, 1, width, vectors);
    TypedMatrix outGrad = random(grad, rows, width, vectors);
    TypedMatrix sumGrad = random(DType.F32, rows, width, vectors);
    TypedMatrix scale = filled(new double[][] {column(scales(s.toDoubles(), width))});
    TypedMatrix sink = random(xGrad, rows, width, vectors);
    TypedMatrix weightGrad = random(DType.F32, 1, width, vectors);
    double[][] v = s.toDoubles();
    double[][] g = outGrad.toDoubles();
    double[][] own = gradient(v, g, weight.toDoubles()[0], width);
    double[][] whole = combine(own, sumGrad.toDoubles(), false);
    double[][] added = combine(whole, sink.toDoubles(), false);
    double[][] ofWeight = combine(weightGradient(v, g, width), weightGrad.toDoubles(), false);
    int floats = Math.toIntExact(backend.norm().backwardWorkspaceFloats(rows, width));
    TypedMatrix workspace = matrix(DType.F32, 1, floats, vectors);
    TypedMatrix rounded = matrix(grad, rows, width, vectors);
    NormKernels.Backward adding =
        new NormKernels.Backward(
            rows,
            width,
            s.view(),
            weight.view(),
            scale.view(),
            outGrad.view(),
            sumGrad.view(),
            sink.sink(true),
            null,
            weightGrad.sink(true),
            workspace.view());
    backend.norm().backward(adding);
    sink.assertClose(added, TOLERANCE);
    weightGrad.assertClose(ofWeight, TOLERANCE);
    NormKernels.Backward inPlace =
        new NormKernels.Backward(
            rows,
            width,
            s.view(),
            weight.view(),
            scale.view(),
            outGrad.view(),
            sumGrad.view(),
            sumGrad.sink(false),
            rounded.view(),
            null,
            workspace.view());
    backend.norm().backward(inPlace);
    sumGrad.assertClose(whole, TOLERANCE);
    rounded.assertClose(whole, TOLERANCE);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 3, 1, F32, true, false", "9, 35, 5, BF16, true, false", "35, 96, 3, BF16, false, true",
    "9, 512, 2, F32, true, true", "9, 512, 1, BF16, false, true", "5, 768, 1, BF16, true, true",
    "3, 1536, 2, BF16, false, true", "2, 3069, 3, F32, false, false",
        "3, 2560, 1, BF16, true, true",
    "2, 2565, 1, BF16, false, false", "3, 8200, 1, F32, false, true",
        "1, 16390, 2, BF16, true, false"
  })
  void gated_everyForm_followsTheEquation(
      int rows, int width, int groups, DType type, boolean gateFirst, boolean vectors) {
    GatedShape shape = new GatedShape(rows, width, groups, EPS, gateFirst);
    int n = width / groups;
    TypedMatrix x = random(type, rows, width, vectors);
    TypedMatrix z = random(type, rows, width, vectors);
    TypedMatrix weight = random(DType.F32, 1, width, vectors);
    TypedMatrix outGrad = random(type, rows, width, vectors);
    TypedMatrix out = matrix(type, rows, width, vectors);
    TypedMatrix scale = matrix(DType.F32, 1, rows * groups, false);
    double[] w = weight.toDoubles()[0];
    double[][] xs = x.toDoubles();
    double[][] gate = map(z.toDoubles(), v -> v / (1 + Math.exp(-v)));
    double[][] v = gateFirst ? combine(xs, gate, true) : xs;
    backend
        .norm()
        .gatedForward(
            new NormKernels.GatedForward(
                shape, x.view(), z.view(), weight.view(), out.view(), scale.view()));
    double[][] normed = scaled(v, w, n);
    double[][] expected = gateFirst ? normed : combine(normed, gate, true);
    out.assertClose(expected, TOLERANCE);
    TypedMatrix xGrad = random(type, rows, width, vectors);
    TypedMatrix zGrad = matrix(type, rows, width, vectors);
    TypedMatrix weightGrad = matrix(DType.F32, 1, width, vectors);
    double[][] before = xGrad.toDoubles();
    int floats = Math.toIntExact(backend.norm().gatedBackwardWorkspaceFloats(shape));
    backend
        .norm()
        .gatedBackward(
            new NormKernels.GatedBackward(
                shape,
                x.view(),
                z.view(),
                weight.view(),
                scale.view(),
                outGrad.view(),
                xGrad.sink(true),
                zGrad.sink(false),
                weightGrad.sink(false),
                matrix(DType.F32, 1, floats, vectors).view()));
    double[][] g = outGrad.toDoubles();
    double[][] reaching = gateFirst ? g : combine(g, gate, true);
    double[][] vGrad = gradient(v, reaching, w, n);
    double[][] slope = map(z.toDoubles(), NormForms::slope);
    double[][] xExpected = gateFirst ? combine(vGrad, gate, true) : vGrad;
    double[][] zFactor = gateFirst ? combine(vGrad, xs, true) : combine(normed, g, true);
    xGrad.assertClose(combine(xExpected, before, false), TOLERANCE);
    zGrad.assertClose(combine(zFactor, slope, true), TOLERANCE);
    weightGrad.assertClose(weightGradient(v, reaching, n), TOLERANCE);
    backend
        .norm()
        .gatedForward(
            new NormKernels.GatedForward(shape, x.view(), z.view(), weight.view(), x.view(), null));
    x.assertClose(expected, TOLERANCE);
  }

  @Test
  void forward_alignedOrNot_sameBits() {
    double[][] values = random(DType.F32, 3, 772, false).toDoubles();
    double[][] weights = random(DType.F32, 1, 772, false).toDoubles();
    double[][][] results = new double[2][][];
    for (int i = 0; i < 2; i++) {
      TypedMatrix x = matrix(DType.F32, 3, 772, i == 1);
      TypedMatrix weight = matrix(DType.F32, 1, 772, i == 1);
      TypedMatrix out = matrix(DType.F32, 3, 772, i == 1);
      x.set(values);
      weight.set(weights);
      backend.norm().forward(forward(x, null, weight, out, null, matrix(DType.F32, 1, 3, false)));
      results[i] = out.toDoubles();
    }
    assertThat(results[1]).isDeepEqualTo(results[0]);
  }

  private static double slope(double z) {
    double sigmoid = 1 / (1 + Math.exp(-z));
    return sigmoid * (1 + z * (1 - sigmoid));
  }

  private static double[][] map(double[][] values, DoubleUnaryOperator function) {
    double[][] result = new double[values.length][values[0].length];
    for (int r = 0; r < values.length; r++) {
      for (int c = 0; c < values[r].length; c++) {
        result[r][c] = function.applyAsDouble(values[r][c]);
      }
    }
    return result;
  }
}
