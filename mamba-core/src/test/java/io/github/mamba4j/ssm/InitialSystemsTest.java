package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class InitialSystemsTest {

  @Test
  void legS_threeCoefficients_equalTheFormula() {
    StateSpace system = Hippo.legS(3);

    // −√((2n+1)(2k+1)) below the diagonal: √3, √5, √15.
    double[][] a = {
      {-1, 0, 0},
      {-1.7320508075688772, -2, 0},
      {-2.23606797749979, -3.872983346207417, -3}
    };
    for (int n = 0; n < 3; n++) {
      assertThat(system.a()[n]).containsExactly(a[n], within(1e-15));
    }
    double[] b = {1, 1.7320508075688772, 2.23606797749979};
    for (int n = 0; n < 3; n++) {
      assertThat(system.b()[n][0]).isCloseTo(b[n], within(1e-15));
    }
    assertThat(system.c()[0]).containsExactly(b, within(1e-15));
    assertThat(system.d()[0][0]).isZero();
  }

  @Test
  void legS_constantInput_isReproducedInTheLimit() {
    DiscreteStateSpace discrete = Hippo.legS(10).discretize(Discretization.ZOH, 0.1);
    double[] u = new double[600];
    Arrays.fill(u, 1.7);

    double[] y = discrete.recurrent(u);

    assertThat(y[599]).isCloseTo(1.7, within(1e-9));
  }

  @Test
  void legS_givenOutput_isUsed() {
    assertThat(Hippo.legS(new double[] {4, 5}).c()).isDeepEqualTo(new double[][] {{4, 5}});
  }

  @Test
  void s4dReal_modes_areNegativeIntegers() {
    StateSpace system = S4d.real(new double[] {3, 4, 5});

    assertThat(system.a()).isDeepEqualTo(new double[][] {{-1, 0, 0}, {0, -2, 0}, {0, 0, -3}});
    assertThat(system.b()).isDeepEqualTo(new double[][] {{1}, {1}, {1}});
    assertThat(system.c()).isDeepEqualTo(new double[][] {{3, 4, 5}});
  }

  @Test
  void s4dLin_modes_haveEvenFrequenciesAndUnitOutput() {
    StateSpace system = S4d.lin(3);
    double[][] a = system.a();

    assertThat(system.stateSize()).isEqualTo(6);
    for (int n = 0; n < 3; n++) {
      assertThat(a[n][n]).isEqualTo(-0.5);
      assertThat(a[3 + n][n]).isCloseTo(Math.PI * n, within(1e-15));
    }
  }

  @Test
  void s4dLin_kernel_isTheDampedCosineSeries() {
    DiscreteStateSpace discrete =
        S4d.lin(new double[] {1, 0.5}, new double[] {0, 2}).discretize(Discretization.EULER, 0.1);

    double[][][] kernel = discrete.kernel(30);

    // 2·Re Σ c_n exp(λ_n·jΔ)·Δ with λ_0 = −1/2 and λ_1 = −1/2 + iπ.
    for (int j = 0; j < 30; j++) {
      double t = 0.1 * j;
      double expected =
          0.2 * Math.exp(-t / 2) * (1 + 0.5 * Math.cos(Math.PI * t) - 2 * Math.sin(Math.PI * t));
      assertThat(kernel[j][0][0]).isCloseTo(expected, within(1e-13));
    }
  }

  @Test
  void s4dInv_frequencies_equalTheFormula() {
    double[][] a = S4d.inv(2).a();

    // N = 4: (4/π)(4/1 − 1) and (4/π)(4/3 − 1).
    assertThat(a[0][0]).isEqualTo(-0.5);
    assertThat(a[2][0]).isCloseTo(3.819718634205488, within(1e-14));
    assertThat(a[3][1]).isCloseTo(0.4244131815783876, within(1e-14));
  }
}
