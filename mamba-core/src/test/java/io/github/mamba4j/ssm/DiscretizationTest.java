package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.commons.math3.ode.FirstOrderDifferentialEquations;
import org.apache.commons.math3.ode.nonstiff.DormandPrince853Integrator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class DiscretizationTest {

  static Stream<Arguments> systems() {
    return Stream.of(
        Arguments.of("dense 4, 2 inputs, 3 outputs", randomDense(4, 2, 3, 1), 0.3),
        Arguments.of("dense 1", StateSpace.dense(new double[][] {{0.4}}, ones(1), ones(1), 0), 2.0),
        Arguments.of("LegS 8", Hippo.legS(8), 0.05),
        Arguments.of("LegS 16", Hippo.legS(16), 0.01),
        Arguments.of("singular A: double integrator", doubleIntegrator(), 0.7),
        Arguments.of("A = 0", StateSpace.dense(new double[2][2], ones(2), ones(2), 0), 1.5),
        Arguments.of("singular A of rank 1", rankOne(), 0.9),
        Arguments.of("S4D-Real 6", S4d.real(6), 0.4),
        Arguments.of("S4D-Lin 5", S4d.lin(5), 0.3),
        Arguments.of("S4D-Inv 4", S4d.inv(4), 0.2),
        Arguments.of("diagonal with 0 and tiny modes", diagonalNearZero(), 0.5),
        Arguments.of("pairs, 2 inputs, 2 outputs", randomPairs(3, 7), 0.6));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("systems")
  void zoh_heldInput_equalsIntegratedDifferentialEquation(
      String name, StateSpace system, double step) {
    Random random = new Random(11);
    double[] start = random.doubles(system.stateSize(), -1, 1).toArray();
    double[] input = random.doubles(system.inputs(), -1, 1).toArray();
    double[] expected = integrate(system.a(), system.b(), start, input, step);

    double[] actual =
        system
            .discretize(Discretization.ZOH, step)
            .recurrent(new double[][] {input}, start)
            .finalState();

    assertThat(actual).as(name).containsExactly(expected, within(1e-9));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("systems")
  void everyMethod_diagonalForm_equalsDenseForm(String name, StateSpace system, double step) {
    for (Discretization method : Discretization.values()) {
      DiscreteStateSpace compact = system.discretize(method, step);
      DiscreteStateSpace full = system.toDense().discretize(method, step);

      String what = name + ", " + method;
      assertMatrix(what, compact.aBar(), full.aBar(), 1e-12);
      assertMatrix(what, compact.bBar(), full.bBar(), 1e-12);
      assertMatrix(what, compact.c(), full.c(), 0);
    }
  }

  @Test
  void bilinearAndZoh_stepHalved_differenceFallsEightfold() {
    StateSpace system = randomDense(5, 2, 1, 3);
    double coarse = distance(system, Discretization.BILINEAR, 0.02);
    double fine = distance(system, Discretization.BILINEAR, 0.01);

    assertThat(Math.log(coarse / fine) / Math.log(2)).isCloseTo(3, within(0.1));
  }

  @Test
  void eulerRulesAndZoh_stepHalved_differenceFallsFourfold() {
    StateSpace system = randomDense(5, 2, 1, 4);
    for (Discretization method :
        new Discretization[] {Discretization.EULER, Discretization.FORWARD_EULER}) {
      double coarse = distance(system, method, 0.01);
      double fine = distance(system, method, 0.005);

      assertThat(Math.log(coarse / fine) / Math.log(2)).as("%s", method).isCloseTo(2, within(0.1));
    }
  }

  @Test
  void bilinearAndZoh_stepToZero_sameStateAtOneTime() {
    StateSpace system = Hippo.legS(6);
    double previous = Double.MAX_VALUE;
    for (int steps : new int[] {50, 100, 200, 400}) {
      double[] u = new double[steps];
      Arrays.setAll(u, k -> Math.sin(3.0 * (k + 0.5) / steps));
      double zoh = last(system.discretize(Discretization.ZOH, 1.0 / steps).recurrent(u));
      double tustin = last(system.discretize(Discretization.BILINEAR, 1.0 / steps).recurrent(u));
      double difference = Math.abs(zoh - tustin);

      assertThat(difference).isLessThan(previous / 3.5);
      previous = difference;
    }
  }

  @Test
  void bilinear_result_solvesItsDefiningEquation() {
    StateSpace system = randomDense(4, 3, 1, 5);
    double step = 0.35;
    DiscreteStateSpace discrete = system.discretize(Discretization.BILINEAR, step);
    double[][] left = SlowLinearAlgebra.scale(system.a(), -step / 2);
    double[][] right = SlowLinearAlgebra.scale(system.a(), step / 2);
    for (int i = 0; i < 4; i++) {
      left[i][i] += 1;
      right[i][i] += 1;
    }

    assertMatrix("a", SlowLinearAlgebra.multiply(left, discrete.aBar()), right, 1e-13);
    assertMatrix(
        "b",
        SlowLinearAlgebra.multiply(left, discrete.bBar()),
        SlowLinearAlgebra.scale(system.b(), step),
        1e-13);
  }

  @Test
  void euler_scalarMode_isExponentialAndStepTimesB() {
    StateSpace system =
        StateSpace.diagonal(
            new double[] {-2}, new double[][] {{3}}, new double[][] {{1}}, new double[][] {{0}});

    assertThat(system.discretize(Discretization.EULER, 0.1).aBar()[0][0]).isEqualTo(Math.exp(-0.2));
    assertThat(system.discretize(Discretization.EULER, 0.1).bBar()[0][0])
        .isCloseTo(0.3, within(1e-15));
    assertThat(system.discretize(Discretization.FORWARD_EULER, 0.1).aBar()[0][0]).isEqualTo(0.8);
  }

  @Test
  void zoh_scalarModesFromZeroToLarge_equalExpm1() {
    for (double exponent = -320; exponent <= 2; exponent += 0.5) {
      double a = -Math.pow(10, exponent);
      StateSpace system =
          StateSpace.diagonal(
              new double[] {a}, new double[][] {{1}}, new double[][] {{1}}, new double[][] {{0}});
      double expected = a == 0 ? 1 : Math.expm1(a) / a;

      assertThat(system.discretize(Discretization.ZOH, 1).bBar()[0][0])
          .as("a = %s", a)
          .isCloseTo(expected, within(4 * Math.ulp(expected)));
      assertThat(system.toDense().discretize(Discretization.ZOH, 1).bBar()[0][0])
          .as("dense, a = %s", a)
          .isCloseTo(expected, within(1e-13 * expected));
    }
  }

  @Test
  void zoh_tinyAndHugeSteps_reachTheirLimits() {
    StateSpace system = randomDense(3, 1, 1, 6);
    DiscreteStateSpace tiny = system.discretize(Discretization.ZOH, 1e-300);
    assertMatrix("tiny a", tiny.aBar(), identity(3), 1e-299);
    assertMatrix("tiny b", SlowLinearAlgebra.scale(tiny.bBar(), 1e300), system.b(), 1e-13);

    StateSpace stable = Hippo.legS(4);
    DiscreteStateSpace huge = stable.discretize(Discretization.ZOH, 1e6);
    assertMatrix("huge a", huge.aBar(), new double[4][4], 0);
    // −A⁻¹B of LegS is the first unit vector: a constant is its own first coefficient.
    assertMatrix("huge b", huge.bBar(), new double[][] {{1}, {0}, {0}, {0}}, 1e-9);
  }

  @ParameterizedTest
  @EnumSource(Discretization.class)
  void discretize_badStep_isRefused(Discretization method) {
    StateSpace system = S4d.real(2);
    for (double step :
        new double[] {
          0, -0.0, -1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY
        }) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> system.discretize(method, step))
          .withMessage("StateSpace: step must be positive and finite, got " + step);
    }
  }

  @Test
  void discretize_overflow_isRefusedInWords() {
    StateSpace growing = StateSpace.dense(new double[][] {{5}}, ones(1), ones(1), 0);
    for (StateSpace system : new StateSpace[] {growing, diagonalGrowing()}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> system.discretize(Discretization.ZOH, 1e4))
          .withMessageStartingWith("StateSpace: step 10000.0 makes the ZOH matrices overflow");
    }
  }

  @Test
  void bilinear_eigenvalueAtTwoOverStep_isRefusedInWords() {
    StateSpace growing = StateSpace.dense(new double[][] {{4, 1}, {0, 8}}, ones(2), ones(2), 0);
    for (StateSpace system : new StateSpace[] {growing, diagonalGrowing()}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> system.discretize(Discretization.BILINEAR, 0.5))
          .withMessageStartingWith(
              "Discretization: BILINEAR with step 0.5 meets an eigenvalue of A")
          .withMessageContaining("4.0");
    }
  }

  private static double[] integrate(
      double[][] a, double[][] b, double[] start, double[] input, double step) {
    FirstOrderDifferentialEquations equations =
        new FirstOrderDifferentialEquations() {
          @Override
          public int getDimension() {
            return a.length;
          }

          @Override
          public void computeDerivatives(double t, double[] x, double[] derivative) {
            for (int n = 0; n < a.length; n++) {
              derivative[n] = 0;
              for (int k = 0; k < a.length; k++) {
                derivative[n] += a[n][k] * x[k];
              }
              for (int p = 0; p < input.length; p++) {
                derivative[n] += b[n][p] * input[p];
              }
            }
          }
        };
    double[] end = new double[start.length];
    new DormandPrince853Integrator(1e-12, step, 1e-13, 1e-13)
        .integrate(equations, 0, start, step, end);
    return end;
  }

  private static double distance(StateSpace system, Discretization method, double step) {
    DiscreteStateSpace exact = system.discretize(Discretization.ZOH, step);
    DiscreteStateSpace other = system.discretize(method, step);
    return largestDifference(exact.aBar(), other.aBar())
        + largestDifference(exact.bBar(), other.bBar());
  }

  private static double largestDifference(double[][] a, double[][] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < a[i].length; j++) {
        largest = Math.max(largest, Math.abs(a[i][j] - b[i][j]));
      }
    }
    return largest;
  }

  private static void assertMatrix(
      String what, double[][] actual, double[][] expected, double tolerance) {
    assertThat(actual).as(what).hasDimensions(expected.length, expected[0].length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i])
          .as("%s, row %d", what, i)
          .containsExactly(expected[i], within(tolerance));
    }
  }

  private static double last(double[] values) {
    return values[values.length - 1];
  }

  private static double[][] identity(int n) {
    double[][] identity = new double[n][n];
    for (int i = 0; i < n; i++) {
      identity[i][i] = 1;
    }
    return identity;
  }

  private static double[] ones(int n) {
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  private static StateSpace doubleIntegrator() {
    return StateSpace.dense(
        new double[][] {{0, 1}, {0, 0}}, new double[] {0, 1}, new double[] {1, 0}, 0);
  }

  private static StateSpace rankOne() {
    return StateSpace.dense(
        new double[][] {{1, -2, 1}, {2, -4, 2}, {-1, 2, -1}}, ones(3), ones(3), 0.5);
  }

  private static StateSpace diagonalNearZero() {
    return StateSpace.diagonal(
        new double[] {0, -1e-12, 1e-4, -3},
        new double[][] {{1}, {2}, {3}, {4}},
        new double[][] {{1, 1, 1, 1}},
        new double[1][1]);
  }

  private static StateSpace diagonalGrowing() {
    return StateSpace.diagonal(
        new double[] {-1, 4}, new double[][] {{1}, {1}}, new double[][] {{1, 1}}, new double[1][1]);
  }

  static StateSpace randomDense(int stateSize, int inputs, int outputs, long seed) {
    Random random = new Random(seed);
    return StateSpace.dense(
        gaussian(random, stateSize, stateSize),
        gaussian(random, stateSize, inputs),
        gaussian(random, outputs, stateSize),
        gaussian(random, outputs, inputs));
  }

  static StateSpace randomPairs(int modes, long seed) {
    Random random = new Random(seed);
    return StateSpace.conjugatePairs(
        random.doubles(modes, -1, 0).toArray(),
        random.doubles(modes, 0, 6).toArray(),
        gaussian(random, modes, 2),
        gaussian(random, modes, 2),
        gaussian(random, 2, modes),
        gaussian(random, 2, modes),
        gaussian(random, 2, 2));
  }

  private static double[][] gaussian(Random random, int rows, int columns) {
    double[][] matrix = new double[rows][columns];
    for (double[] row : matrix) {
      for (int j = 0; j < columns; j++) {
        row[j] = random.nextGaussian();
      }
    }
    return matrix;
  }
}
