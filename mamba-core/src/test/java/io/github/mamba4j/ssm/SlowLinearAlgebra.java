package io.github.mamba4j.ssm;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Matrix functions by definition, in decimal arithmetic of 160 digits: slow, and right. */
final class SlowLinearAlgebra {

  private static final MathContext DIGITS = new MathContext(160, RoundingMode.HALF_EVEN);
  private static final BigDecimal NEGLIGIBLE = new BigDecimal("1e-120");

  private SlowLinearAlgebra() {}

  /** exp(A) as the plain sum of A^k / k!, without scaling. */
  static double[][] exp(double[][] a) {
    int n = a.length;
    BigDecimal[][] sum = identity(n);
    BigDecimal[][] term = identity(n);
    BigDecimal[][] matrix = decimal(a);
    for (int k = 1; largest(term).compareTo(NEGLIGIBLE) > 0; k++) {
      term = multiply(term, matrix, BigDecimal.valueOf(k));
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          sum[i][j] = sum[i][j].add(term[i][j], DIGITS);
        }
      }
    }
    double[][] rounded = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        rounded[i][j] = sum[i][j].doubleValue();
      }
    }
    return rounded;
  }

  /** The 1-norm: the largest column sum of absolute values. */
  static double norm1(double[][] a) {
    double largest = 0;
    for (int j = 0; j < a[0].length; j++) {
      double sum = 0;
      for (double[] row : a) {
        sum += Math.abs(row[j]);
      }
      largest = Math.max(largest, sum);
    }
    return largest;
  }

  /** The 1-norm of a − b relative to that of b. */
  static double relativeError(double[][] a, double[][] b) {
    double[][] difference = new double[b.length][b[0].length];
    for (int i = 0; i < b.length; i++) {
      for (int j = 0; j < b[0].length; j++) {
        difference[i][j] = a[i][j] - b[i][j];
      }
    }
    return norm1(difference) / norm1(b);
  }

  /** The plain matrix product. */
  static double[][] multiply(double[][] a, double[][] b) {
    double[][] product = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < b[0].length; j++) {
        for (int k = 0; k < b.length; k++) {
          product[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return product;
  }

  /** Every entry times a number. */
  static double[][] scale(double[][] a, double factor) {
    double[][] scaled = new double[a.length][a[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[0].length; j++) {
        scaled[i][j] = a[i][j] * factor;
      }
    }
    return scaled;
  }

  private static BigDecimal[][] multiply(BigDecimal[][] a, BigDecimal[][] b, BigDecimal divisor) {
    int n = a.length;
    BigDecimal[][] product = new BigDecimal[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        BigDecimal sum = BigDecimal.ZERO;
        for (int k = 0; k < n; k++) {
          sum = sum.add(a[i][k].multiply(b[k][j], DIGITS), DIGITS);
        }
        product[i][j] = sum.divide(divisor, DIGITS);
      }
    }
    return product;
  }

  private static BigDecimal[][] identity(int n) {
    double[][] identity = new double[n][n];
    for (int i = 0; i < n; i++) {
      identity[i][i] = 1;
    }
    return decimal(identity);
  }

  private static BigDecimal[][] decimal(double[][] a) {
    BigDecimal[][] exact = new BigDecimal[a.length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a.length; j++) {
        exact[i][j] = new BigDecimal(a[i][j]);
      }
    }
    return exact;
  }

  private static BigDecimal largest(BigDecimal[][] a) {
    BigDecimal largest = BigDecimal.ZERO;
    for (BigDecimal[] row : a) {
      for (BigDecimal value : row) {
        largest = largest.max(value.abs());
      }
    }
    return largest;
  }
}
