package io.github.mamba4j.ssm;

import java.util.Arrays;
import org.apache.commons.math3.linear.LUDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;

/**
 * The exponential of a real square matrix, by scaling and squaring with the Padé approximant of
 * degree 13.
 *
 * <p>exp(A) = exp(2⁻ˢA)^(2ˢ): the scaled matrix goes through the approximant r₁₃ = (V − U)⁻¹(V +
 * U), and the result is squared s times [1]. The number s follows [2]: from ‖A^k‖^(1/k) instead of
 * ‖A‖, because the norm alone scales matrices that are far from normal too often, and each needless
 * squaring costs accuracy; a last term guards the backward error of the even and odd parts. One
 * degree is enough here: a system is discretised once, so cheaper degrees for small norms would buy
 * nothing.
 *
 * <p>The relative error is of the order of the rounding unit times the condition number, which is
 * at least ‖A‖: modes slower than about 10⁻¹⁶·‖A‖ cannot be told from 0 in a full matrix.
 *
 * <p>[1] Higham 2005, "The scaling and squaring method for the matrix exponential revisited". [2]
 * Al-Mohy and Higham 2009, "A new scaling and squaring algorithm for the matrix exponential",
 * algorithm 5.1 with exact norms of the powers.
 */
final class MatrixExponential {

  /** Coefficients b₀ … b₁₃ of the Padé approximant [1, (2.2)]. */
  private static final double[] PADE = {
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0
  };

  /** The largest ‖A^k‖^(1/k) that needs no scaling at degree 13 [2, table 3.1]. */
  private static final double THETA = 4.25;

  /** (26 over 13)·27!, the reciprocal of the leading backward error coefficient |c₂₇| [2]. */
  private static final double INVERSE_C27 = 1.132507756060211e35;

  /** Norms above 2³⁰ are scaled down first, so that no power of the matrix overflows. */
  private static final int SAFE_EXPONENT = 30;

  private MatrixExponential() {}

  /**
   * Returns exp(A).
   *
   * @param matrix A, square, with finite entries
   * @return a new matrix; entries are not finite where the true value overflows
   */
  static RealMatrix exp(RealMatrix matrix) {
    double norm = matrix.getNorm();
    if (!Double.isFinite(norm)) {
      return matrix.scalarMultiply(Double.NaN);
    }
    if (norm == 0) {
      return MatrixUtils.createRealIdentityMatrix(matrix.getRowDimension());
    }
    int scaling = Math.max(0, Math.getExponent(norm) - SAFE_EXPONENT);
    RealMatrix scaled = scaled(matrix, scaling);
    int more = squarings(scaled);
    RealMatrix result = pade(scaled(scaled, more));
    for (int i = 0; i < scaling + more; i++) {
      result = result.multiply(result);
    }
    return result;
  }

  /** How often the matrix has to be halved for the approximant to be exact to rounding. */
  private static int squarings(RealMatrix a) {
    RealMatrix a2 = a.multiply(a);
    RealMatrix a4 = a2.multiply(a2);
    RealMatrix a6 = a2.multiply(a4);
    double d6 = Math.pow(a6.getNorm(), 1 / 6.0);
    double d8 = Math.pow(a4.multiply(a4).getNorm(), 1 / 8.0);
    double d10 = Math.pow(a4.multiply(a6).getNorm(), 1 / 10.0);
    double eta = Math.min(Math.max(d6, d8), Math.max(d8, d10));
    int s = eta <= THETA ? 0 : (int) Math.ceil(log2(eta / THETA));
    return s + correction(scaled(a, s));
  }

  /** The guard ℓ of [2]: extra halvings from the norm of |A|²⁷, which the powers may hide. */
  private static int correction(RealMatrix a) {
    double norm = a.getNorm();
    double ratio = absolutePowerNorm(a, 27) / norm / INVERSE_C27;
    return ratio <= Math.ulp(0.5) ? 0 : (int) Math.ceil(log2(ratio / Math.ulp(0.5)) / 26);
  }

  /** The 1-norm of |A|^power: the row vector of ones times |A|, power times over. */
  private static double absolutePowerNorm(RealMatrix a, int power) {
    int n = a.getRowDimension();
    double[][] entries = a.getData();
    double[] sums = new double[n];
    Arrays.fill(sums, 1);
    for (int k = 0; k < power; k++) {
      double[] next = new double[n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          next[j] += sums[i] * Math.abs(entries[i][j]);
        }
      }
      sums = next;
    }
    double largest = 0;
    for (double sum : sums) {
      largest = Math.max(largest, sum);
    }
    return largest;
  }

  private static RealMatrix pade(RealMatrix a) {
    RealMatrix identity = MatrixUtils.createRealIdentityMatrix(a.getRowDimension());
    RealMatrix a2 = a.multiply(a);
    RealMatrix a4 = a2.multiply(a2);
    RealMatrix a6 = a2.multiply(a4);
    RealMatrix[] powers = {identity, a2, a4, a6};
    RealMatrix u =
        a.multiply(
            a6.multiply(combine(powers, 0, PADE[9], PADE[11], PADE[13]))
                .add(combine(powers, PADE[1], PADE[3], PADE[5], PADE[7])));
    RealMatrix v =
        a6.multiply(combine(powers, 0, PADE[8], PADE[10], PADE[12]))
            .add(combine(powers, PADE[0], PADE[2], PADE[4], PADE[6]));
    return new LUDecomposition(v.subtract(u), Double.MIN_NORMAL).getSolver().solve(v.add(u));
  }

  private static RealMatrix combine(
      RealMatrix[] powers, double c0, double c2, double c4, double c6) {
    return powers[0]
        .scalarMultiply(c0)
        .add(powers[1].scalarMultiply(c2))
        .add(powers[2].scalarMultiply(c4))
        .add(powers[3].scalarMultiply(c6));
  }

  private static RealMatrix scaled(RealMatrix matrix, int halvings) {
    return halvings == 0 ? matrix : matrix.scalarMultiply(Math.scalb(1.0, -halvings));
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }
}
