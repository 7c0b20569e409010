package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.commons.math3.complex.Complex;
import org.junit.jupiter.api.Test;

class PhiFunctionTest {

  @Test
  void phi1_zero_isOne() {
    assertThat(PhiFunction.phi1(Complex.ZERO)).isEqualTo(Complex.ONE);
  }

  @Test
  void phi1_aroundTheSeriesRadius_equalsTheLongSeries() {
    for (double modulus = 1e-20; modulus < 2; modulus *= 1.7) {
      for (double angle = 0; angle < 6.3; angle += 0.3) {
        Complex z = new Complex(modulus * Math.cos(angle), modulus * Math.sin(angle));
        Complex expected = Complex.ONE;
        for (int k = 40; k >= 2; k--) {
          expected = expected.multiply(z).divide(k).add(1);
        }

        double error = PhiFunction.phi1(z).subtract(expected).abs() / expected.abs();

        assertThat(error).as("z = %s", z).isLessThan(1e-15);
      }
    }
  }

  @Test
  void phi1_farLeft_isMinusOneOverZ() {
    Complex phi = PhiFunction.phi1(new Complex(-800, 3));

    assertThat(phi.subtract(new Complex(-800, 3).reciprocal().negate()).abs()).isLessThan(1e-18);
  }
}
