package io.github.mamba4j.oracle;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Elementwise functions, linear maps, norms and the loss, in float64 from their equations. */
public final class ReferenceOps {

  /** The target that cross-entropy does not count. */
  public static final int IGNORE = -100;

  private ReferenceOps() {}

  /** σ(x) = 1/(1 + e^−x). */
  public static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** silu(x) = x·σ(x). */
  public static double silu(double x) {
    return x * sigmoid(x);
  }

  /** softplus(x) = log(1 + e^x), and x itself above 20. */
  public static double softplus(double x) {
    return x > 20 ? x : Math.log1p(Math.exp(x));
  }

  /**
   * y = x·Wᵀ + bias.
   *
   * @param rows rows of x
   * @param in elements a row of x
   * @param out elements a row of y
   * @param x [rows, in]
   * @param weight W, [out, in]
   * @param bias [out], or null for none
   * @return y, [rows, out]
   */
  public static double[] linear(
      int rows, int in, int out, double[] x, double[] weight, double @Nullable [] bias) {
    requireSize("linear: x", x, rows * in);
    requireSize("linear: weight", weight, out * in);
    double[] y = new double[rows * out];
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < out; o++) {
        double sum = bias == null ? 0 : bias[o];
        for (int i = 0; i < in; i++) {
          sum += x[r * in + i] * weight[o * in + i];
        }
        y[r * out + o] = sum;
      }
    }
    return y;
  }

  /** Rows of a table [vocab, width] picked by ids; the result is [ids, width]. */
  public static double[] embedding(double[] table, int width, int[] ids) {
    double[] picked = new double[ids.length * width];
    for (int i = 0; i < ids.length; i++) {
      System.arraycopy(table, ids[i] * width, picked, i * width, width);
    }
    return picked;
  }

  /**
   * RMSNorm of s = x + residual: y = s·(mean(s²) + eps)^(−1/2)·weight.
   *
   * @param width elements a row
   * @param eps added to the mean square, 1e-5 in all Mamba models
   * @param x [rows, width]
   * @param residual [rows, width], or null for none
   * @param weight [width]
   * @return y, [rows, width]
   */
  public static double[] rmsNorm(
      int width, double eps, double[] x, double @Nullable [] residual, double[] weight) {
    requireSize("rmsNorm: weight", weight, width);
    double[] s = residual == null ? x : add(x, residual);
    double[] y = new double[s.length];
    for (int row = 0; row < s.length; row += width) {
      double squares = 0;
      for (int i = 0; i < width; i++) {
        squares += s[row + i] * s[row + i];
      }
      double scale = 1 / Math.sqrt(squares / width + eps);
      for (int i = 0; i < width; i++) {
        y[row + i] = s[row + i] * scale * weight[i];
      }
    }
    return y;
  }

  /**
   * Root-mean-square normalisation of contiguous groups of columns with a gate.
   *
   * @param width elements a row
   * @param groups groups a row
   * @param eps added to the mean square
   * @param gateFirst true for norm(x·silu(z))·w, false for norm(x)·w·silu(z)
   * @param x [rows, width]
   * @param z [rows, width]
   * @param weight [width]
   * @return [rows, width]
   */
  public static double[] gatedRmsNorm(
      int width,
      int groups,
      double eps,
      boolean gateFirst,
      double[] x,
      double[] z,
      double[] weight) {
    double[] out = new double[x.length];
    int columns = width / groups;
    for (int start = 0; start < x.length; start += columns) {
      double squares = 0;
      for (int i = start; i < start + columns; i++) {
        double v = gateFirst ? x[i] * silu(z[i]) : x[i];
        squares += v * v;
      }
      double scale = 1 / Math.sqrt(squares / columns + eps);
      for (int i = start; i < start + columns; i++) {
        out[i] = x[i] * silu(z[i]) * scale * weight[i % width];
      }
    }
    return out;
  }

  /**
   * The mean of −log softmax(logits)[target] over the rows whose target counts; 0 if none does.
   *
   * @param vocab elements a row
   * @param logits [rows, vocab]
   * @param targets one class a row, or {@link #IGNORE}
   */
  public static double crossEntropy(int vocab, double[] logits, int[] targets) {
    requireSize("crossEntropy: logits", logits, targets.length * vocab);
    double sum = 0;
    int counted = 0;
    for (int r = 0; r < targets.length; r++) {
      if (targets[r] != IGNORE) {
        int row = r * vocab;
        double largest =
            IntStream.range(0, vocab).mapToDouble(j -> logits[row + j]).max().orElseThrow();
        double normaliser =
            IntStream.range(0, vocab).mapToDouble(j -> Math.exp(logits[row + j] - largest)).sum();
        sum += largest + Math.log(normaliser) - logits[row + targets[r]];
        counted++;
      }
    }
    return counted == 0 ? 0 : sum / counted;
  }

  /** x + y, elementwise. */
  public static double[] add(double[] x, double[] y) {
    requireSize("add: y", y, x.length);
    double[] sum = new double[x.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = x[i] + y[i];
    }
    return sum;
  }

  /** Σ x·y: the scalar whose gradient in x is y, for gradient checks. */
  public static double dot(double[] x, double[] y) {
    requireSize("dot: y", y, x.length);
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  /** The columns [from, to) of a matrix with rows of a given width. */
  public static double[] columns(double[] matrix, int width, int from, int to) {
    int rows = matrix.length / width;
    double[] part = new double[rows * (to - from)];
    for (int r = 0; r < rows; r++) {
      System.arraycopy(matrix, r * width + from, part, r * (to - from), to - from);
    }
    return part;
  }

  /** The last two axes swapped: [batch, rows, columns] to [batch, columns, rows]. */
  public static double[] transpose(double[] x, int rows, int columns) {
    double[] swapped = new double[x.length];
    for (int block = 0; block < x.length; block += rows * columns) {
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          swapped[block + c * rows + r] = x[block + r * columns + c];
        }
      }
    }
    return swapped;
  }

  static void requireSize(String what, double[] array, int size) {
    if (array.length != size) {
      throw new IllegalArgumentException(
          "%s has %d elements, expected %d".formatted(what, array.length, size));
    }
  }
}
