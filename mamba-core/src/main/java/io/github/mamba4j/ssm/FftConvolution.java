package io.github.mamba4j.ssm;

import java.util.Locale;
import org.apache.commons.math3.transform.DftNormalization;
import org.apache.commons.math3.transform.FastFourierTransformer;
import org.apache.commons.math3.transform.TransformType;

/**
 * Causal convolution of matrix-valued kernels with vector-valued sequences in the frequency domain.
 */
final class FftConvolution {

  private static final int MAX_LENGTH = 1 << 29;

  private FftConvolution() {}

  /**
   * Returns {@code y_k = Σ_{j≤k} K_j·u_{k−j}}.
   *
   * <p>Both sequences are padded with zeros to a power of two of at least 2·length − 1, so that the
   * circular convolution of the transform does not wrap around.
   *
   * @param kernel the taps, [length, outputs, inputs]
   * @param u the inputs, [length, inputs], length positive
   * @return the outputs, [length, outputs]
   * @throws IllegalArgumentException if the length is above 2²⁹
   */
  static double[][] causal(double[][][] kernel, double[][] u) {
    int length = u.length;
    if (length > MAX_LENGTH) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "convolve: length must be at most %d, got %d", MAX_LENGTH, length));
    }
    int padded = length == 1 ? 1 : 2 * Integer.highestOneBit(2 * length - 2);
    int outputs = kernel[0].length;
    int inputs = u[0].length;
    double[][][] sums = new double[outputs][2][padded];
    for (int p = 0; p < inputs; p++) {
      double[][] inputSpectrum = inputSpectrum(u, p, padded);
      for (int q = 0; q < outputs; q++) {
        addProduct(kernelSpectrum(kernel, q, p, padded), inputSpectrum, sums[q]);
      }
    }
    double[][] y = new double[length][outputs];
    for (int q = 0; q < outputs; q++) {
      transform(sums[q], TransformType.INVERSE);
      for (int k = 0; k < length; k++) {
        y[k][q] = sums[q][0][k];
      }
    }
    return y;
  }

  private static double[][] inputSpectrum(double[][] u, int input, int padded) {
    double[][] data = new double[2][padded];
    for (int k = 0; k < u.length; k++) {
      data[0][k] = u[k][input];
    }
    transform(data, TransformType.FORWARD);
    return data;
  }

  private static double[][] kernelSpectrum(double[][][] kernel, int output, int input, int padded) {
    double[][] data = new double[2][padded];
    for (int k = 0; k < kernel.length; k++) {
      data[0][k] = kernel[k][output][input];
    }
    transform(data, TransformType.FORWARD);
    return data;
  }

  private static void addProduct(double[][] x, double[][] y, double[][] sum) {
    for (int i = 0; i < x[0].length; i++) {
      sum[0][i] += x[0][i] * y[0][i] - x[1][i] * y[1][i];
      sum[1][i] += x[0][i] * y[1][i] + x[1][i] * y[0][i];
    }
  }

  private static void transform(double[][] data, TransformType type) {
    FastFourierTransformer.transformInPlace(data, DftNormalization.STANDARD, type);
  }
}
