package io.github.mamba4j.ssm;

import org.apache.commons.math3.complex.Complex;
import org.apache.commons.math3.linear.DecompositionSolver;
import org.apache.commons.math3.linear.LUDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;

/**
 * A rule that turns the continuous matrices A and B and a step size Δ into the discrete Ā and B̄ of
 * {@code x_k = Ā·x_{k−1} + B̄·u_k}; C and D stay as they are.
 *
 * <p>Sources: Gu, Goel and Ré 2021 (arXiv 2111.00396), equation 3, for the bilinear rule; Gu and
 * Dao 2023 (arXiv 2312.00752), equation 4, for the zero-order hold.
 */
public enum Discretization {
  /**
   * Zero-order hold, exact for an input that is constant over each step: {@code Ā = exp(ΔA)},
   * {@code B̄ = Δ·φ₁(ΔA)·B} with φ₁(z) = (exp z − 1)/z, which for invertible A is A⁻¹(exp(ΔA) −
   * I)·B.
   *
   * <p>Dense systems use one exponential of the augmented matrix [ΔA, B; 0, 0] (Van Loan 1978,
   * "Computing integrals involving the matrix exponential"), so A may be singular. Diagonal systems
   * use expm1 and a series near zero.
   */
  ZOH {
    @Override
    RealMatrix[] dense(RealMatrix a, RealMatrix b, double step) {
      int n = a.getRowDimension();
      int p = b.getColumnDimension();
      // B̄ is linear in B: scaled to a norm near 1, B cannot force extra squarings.
      double norm = b.getNorm();
      double scale = norm == 0 ? 1 : Math.scalb(1.0, Math.getExponent(norm));
      RealMatrix augmented = MatrixUtils.createRealMatrix(n + p, n + p);
      augmented.setSubMatrix(a.scalarMultiply(step).getData(), 0, 0);
      augmented.setSubMatrix(b.scalarMultiply(1 / scale).getData(), 0, n);
      RealMatrix exponential = MatrixExponential.exp(augmented);
      RealMatrix aBar = exponential.getSubMatrix(0, n - 1, 0, n - 1);
      RealMatrix phiB = exponential.getSubMatrix(0, n - 1, n, n + p - 1);
      return new RealMatrix[] {aBar, phiB.scalarMultiply(scale).scalarMultiply(step)};
    }

    @Override
    Complex decay(Complex a, double step) {
      return a.multiply(step).exp();
    }

    @Override
    Complex gain(Complex a, double step) {
      return PhiFunction.phi1(a.multiply(step)).multiply(step);
    }
  },

  /**
   * The bilinear (Tustin, trapezoidal) rule: {@code Ā = (I − Δ/2·A)⁻¹(I + Δ/2·A)}, {@code B̄ = (I −
   * Δ/2·A)⁻¹·ΔB}; it maps stable systems to stable ones and differs from the zero-order hold by
   * O(Δ³) a step.
   */
  BILINEAR {
    @Override
    RealMatrix[] dense(RealMatrix a, RealMatrix b, double step) {
      RealMatrix half = a.scalarMultiply(step / 2);
      RealMatrix identity = MatrixUtils.createRealIdentityMatrix(a.getRowDimension());
      RealMatrix left = identity.subtract(half);
      double singular = a.getRowDimension() * Math.ulp(left.getNorm());
      DecompositionSolver solver = new LUDecomposition(left, singular).getSolver();
      if (!solver.isNonSingular()) {
        throw atPole(step);
      }
      return new RealMatrix[] {
        solver.solve(identity.add(half)), solver.solve(b).scalarMultiply(step)
      };
    }

    @Override
    Complex decay(Complex a, double step) {
      Complex half = a.multiply(step / 2);
      return half.add(1).multiply(inverse(half, step));
    }

    @Override
    Complex gain(Complex a, double step) {
      return inverse(a.multiply(step / 2), step).multiply(step);
    }

    private Complex inverse(Complex half, double step) {
      Complex left = Complex.ONE.subtract(half);
      if (left.equals(Complex.ZERO)) {
        throw atPole(step);
      }
      return left.reciprocal();
    }

    private IllegalArgumentException atPole(double step) {
      return new IllegalArgumentException(
          "Discretization: BILINEAR with step "
              + step
              + " meets an eigenvalue of A at 2/step = "
              + 2 / step
              + " (I - step/2·A is singular), expected another step or ZOH");
    }
  },

  /**
   * The exponential-Euler rule of all released Mamba code: {@code Ā = exp(ΔA)}, {@code B̄ = Δ·B};
   * B̄ differs from the zero-order hold's by O(Δ²) a step.
   */
  EULER {
    @Override
    RealMatrix[] dense(RealMatrix a, RealMatrix b, double step) {
      return new RealMatrix[] {
        MatrixExponential.exp(a.scalarMultiply(step)), b.scalarMultiply(step)
      };
    }

    @Override
    Complex decay(Complex a, double step) {
      return a.multiply(step).exp();
    }

    @Override
    Complex gain(Complex a, double step) {
      return new Complex(step);
    }
  },

  /**
   * The explicit (forward) Euler rule: {@code Ā = I + ΔA}, {@code B̄ = Δ·B}; stable only where |1 +
   * Δλ| &lt; 1 for every eigenvalue λ of A.
   */
  FORWARD_EULER {
    @Override
    RealMatrix[] dense(RealMatrix a, RealMatrix b, double step) {
      RealMatrix identity = MatrixUtils.createRealIdentityMatrix(a.getRowDimension());
      return new RealMatrix[] {identity.add(a.scalarMultiply(step)), b.scalarMultiply(step)};
    }

    @Override
    Complex decay(Complex a, double step) {
      return a.multiply(step).add(1);
    }

    @Override
    Complex gain(Complex a, double step) {
      return new Complex(step);
    }
  };

  /** Returns Ā and B̄, in this order, of a dense system. */
  abstract RealMatrix[] dense(RealMatrix a, RealMatrix b, double step);

  /** Returns Ā of one diagonal mode. */
  abstract Complex decay(Complex a, double step);

  /** Returns the factor that makes B̄ of B for one diagonal mode. */
  abstract Complex gain(Complex a, double step);
}
