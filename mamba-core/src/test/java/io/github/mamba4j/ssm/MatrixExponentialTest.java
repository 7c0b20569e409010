package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class MatrixExponentialTest {

  static Stream<Arguments> hardMatrices() {
    return Stream.of(
        // name, matrix, relative error allowed in the 1-norm
        Arguments.of("zero", new double[3][3], 0.0),
        Arguments.of("scalar", new double[][] {{-3.7}}, 1e-15),
        Arguments.of("tiny", new double[][] {{1e-300, 2e-300}, {0, 3e-300}}, 1e-15),
        Arguments.of("nilpotent", new double[][] {{0, 6, 1e3}, {0, 0, 7}, {0, 0, 0}}, 1e-15),
        Arguments.of(
            "nilpotent of huge norm",
            new double[][] {{0, 1e12, 0}, {0, 0, 1e-9}, {0, 0, 0}},
            1e-15),
        Arguments.of("overscaling trap", new double[][] {{1, 1e6}, {0, -1}}, 1e-14),
        Arguments.of("Jordan block", new double[][] {{2, 1, 0}, {0, 2, 1}, {0, 0, 2}}, 1e-14),
        Arguments.of("near-defective", new double[][] {{-1, 1e4}, {0, -1 - 1e-9}}, 1e-14),
        Arguments.of("rotation of 20 turns", new double[][] {{0, -125.6}, {125.6, 0}}, 1e-12),
        // Ward 1977, "Numerical computation of the matrix exponential", test matrices.
        Arguments.of("Ward 1", new double[][] {{4, 2, 0}, {1, 4, 1}, {1, 1, 4}}, 1e-14),
        Arguments.of(
            "Ward 3", new double[][] {{-131, 19, 18}, {-390, 56, 54}, {-387, 57, 52}}, 1e-11),
        Arguments.of("large norm, decaying", new double[][] {{-90, 30}, {20, -80}}, 1e-12),
        Arguments.of("large norm, growing", new double[][] {{90, 30}, {20, 80}}, 1e-12),
        Arguments.of("HiPPO-LegS 8", Hippo.legSState(8), 1e-13),
        Arguments.of("HiPPO-LegS 16", Hippo.legSState(16), 1e-12),
        Arguments.of("random 6", random(6, 3, 1), 1e-13),
        Arguments.of("random 6, small", random(6, 1e-4, 2), 1e-15));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hardMatrices")
  void exp_hardMatrix_equalsTaylorSeriesInLongArithmetic(
      String name, double[][] a, double tolerance) {
    double[][] exponential = MatrixExponential.exp(MatrixUtils.createRealMatrix(a)).getData();

    assertThat(SlowLinearAlgebra.relativeError(exponential, SlowLinearAlgebra.exp(a)))
        .as(name)
        .isLessThanOrEqualTo(tolerance);
  }

  @Test
  void exp_symmetricMatrix_equalsEigenDecomposition() {
    for (int n : new int[] {1, 2, 5, 12, 30}) {
      RealMatrix random = MatrixUtils.createRealMatrix(random(n, 1, n));
      RealMatrix a = random.add(random.transpose());
      EigenDecomposition eigen = new EigenDecomposition(a);
      double[] exponents = eigen.getRealEigenvalues();
      for (int i = 0; i < n; i++) {
        exponents[i] = Math.exp(exponents[i]);
      }
      RealMatrix expected =
          eigen
              .getV()
              .multiply(MatrixUtils.createRealDiagonalMatrix(exponents))
              .multiply(eigen.getVT());

      RealMatrix actual = MatrixExponential.exp(a);

      assertThat(actual.subtract(expected).getNorm() / expected.getNorm())
          .as("size %d", n)
          .isLessThan(1e-12);
    }
  }

  @Test
  void exp_rotation_isCosineAndSine() {
    for (double angle : new double[] {1e-9, 0.5, 3, 40}) {
      double[][] e =
          MatrixExponential.exp(
                  MatrixUtils.createRealMatrix(new double[][] {{0, -angle}, {angle, 0}}))
              .getData();

      assertThat(e[0][0]).isCloseTo(Math.cos(angle), within(1e-13));
      assertThat(e[1][0]).isCloseTo(Math.sin(angle), within(1e-13));
    }
  }

  @Test
  void exp_ofNegatedMatrix_isTheInverse() {
    RealMatrix a = MatrixUtils.createRealMatrix(random(9, 0.7, 5));

    RealMatrix product =
        MatrixExponential.exp(a).multiply(MatrixExponential.exp(a.scalarMultiply(-1)));

    assertThat(product.subtract(MatrixUtils.createRealIdentityMatrix(9)).getNorm())
        .isLessThan(1e-11);
  }

  @Test
  void exp_hugeStableMatrix_underflowsToZero() {
    RealMatrix e =
        MatrixExponential.exp(
            MatrixUtils.createRealMatrix(new double[][] {{-1e200, 0}, {1, -4e199}}));

    assertThat(e.getNorm()).isZero();
  }

  @Test
  void exp_overflowingMatrix_isNotFinite() {
    RealMatrix e = MatrixExponential.exp(MatrixUtils.createRealMatrix(new double[][] {{1e4}}));

    assertThat(e.getEntry(0, 0)).isNotFinite();
  }

  static double[][] random(int n, double scale, long seed) {
    Random random = new Random(seed);
    double[][] a = new double[n][n];
    for (double[] row : a) {
      for (int j = 0; j < n; j++) {
        row[j] = scale * random.nextGaussian();
      }
    }
    return a;
  }
}
