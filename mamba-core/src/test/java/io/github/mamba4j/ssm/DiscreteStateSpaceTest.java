package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DiscreteStateSpaceTest {

  static Stream<Arguments> systems() {
    return Stream.of(
            Arguments.of("LegS 12", Hippo.legS(12)),
            Arguments.of("S4D-Real 8", S4d.real(8)),
            Arguments.of("S4D-Lin 16", S4d.lin(16)),
            Arguments.of("S4D-Inv 8", S4d.inv(8)),
            Arguments.of("pairs, 2 inputs, 2 outputs", DiscretizationTest.randomPairs(4, 3)),
            Arguments.of("dense, 3 inputs, 2 outputs", stableDense()))
        .flatMap(system ->
            Arrays.stream(Discretization.values())
                .filter(method -> method != Discretization.FORWARD_EULER)
                .map(method -> Arguments.of(system.get()[0], system.get()[1], method)));
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("systems")
  void convolve_everyLength_equalsRecurrence(
      String name, StateSpace system, Discretization method) {
    DiscreteStateSpace discrete = system.discretize(method, 0.02);
    for (int length : new int[] {1, 2, 3, 4, 5, 31, 64, 65, 1000}) {
      double[][] u = gaussian(length, system.inputs(), length);

      double[][] recurrent = discrete.recurrent(u, new double[system.stateSize()]).outputs();
      double[][] convolved = discrete.convolve(u);

      assertThat(convolved).hasDimensions(length, system.outputs());
      for (int k = 0; k < length; k++) {
        assertThat(convolved[k])
            .as("%s, length %d, step %d", name, length, k)
            .containsExactly(recurrent[k], within(1e-9));
      }
    }
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("systems")
  void kernel_everyTap_equalsPowersOfTheStateMatrix(
      String name, StateSpace system, Discretization method) {
    DiscreteStateSpace discrete = system.discretize(method, 0.1);
    double[][][] kernel = discrete.kernel(20);
    double[][] power = discrete.bBar();
    for (int j = 0; j < 20; j++) {
      double[][] expected = SlowLinearAlgebra.multiply(discrete.c(), power);
      for (int q = 0; q < system.outputs(); q++) {
        assertThat(kernel[j][q])
            .as("%s, tap %d", name, j)
            .containsExactly(expected[q], within(1e-11));
      }
      power = SlowLinearAlgebra.multiply(discrete.aBar(), power);
    }
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("systems")
  void recurrent_splitWithCarriedState_equalsWholeToTheBit(
      String name, StateSpace system, Discretization method) {
    DiscreteStateSpace discrete = system.discretize(method, 0.05);
    double[][] u = gaussian(37, system.inputs(), 8);
    double[] start = new Random(9).doubles(system.stateSize(), -1, 1).toArray();

    Response whole = discrete.recurrent(u, start);
    Response first = discrete.recurrent(Arrays.copyOfRange(u, 0, 13), start);
    Response second = discrete.recurrent(Arrays.copyOfRange(u, 13, 37), first.finalState());

    assertThat(first.outputs()).as(name).isDeepEqualTo(Arrays.copyOfRange(whole.outputs(), 0, 13));
    assertThat(second.outputs()).isDeepEqualTo(Arrays.copyOfRange(whole.outputs(), 13, 37));
    assertThat(second.finalState()).containsExactly(whole.finalState());
  }

  @Test
  void recurrent_scalarSystem_equalsHandComputedValues() {
    StateSpace system = StateSpace.dense(new double[][] {{-1}}, one(2), one(3), 10);
    DiscreteStateSpace discrete = system.discretize(Discretization.FORWARD_EULER, 0.5);

    // x: 0.5·1 + 0.5·2·1 = 1.5; 0.5·1.5 + 0.5·2·4 = 4.75.  y = 3x + 10u.
    Response response = discrete.recurrent(new double[][] {{1}, {4}}, one(1));

    assertThat(response.output(0)).containsExactly(14.5, 54.25);
    assertThat(response.finalState()).containsExactly(4.75);
    assertThat(discrete.method()).isEqualTo(Discretization.FORWARD_EULER);
    assertThat(discrete.step()).isEqualTo(0.5);
    assertThat(discrete.d()).isDeepEqualTo(new double[][] {{10}});
  }

  @Test
  void views_singleInputAndOutput_agreeOnFlatSequences() {
    DiscreteStateSpace discrete = S4d.lin(4).discretize(Discretization.ZOH, 0.1);
    double[] u = new Random(1).doubles(50, -1, 1).toArray();

    assertThat(discrete.convolve(u)).containsExactly(discrete.recurrent(u), within(1e-12));
  }

  @Test
  void recurrent_steppedByOne_differsFromLaterInputsOnlyLater() {
    DiscreteStateSpace discrete = Hippo.legS(5).discretize(Discretization.BILINEAR, 0.1);
    double[] u = new Random(2).doubles(20, -1, 1).toArray();
    double[] changed = u.clone();
    changed[12] += 1;

    double[] before = discrete.recurrent(u);
    double[] after = discrete.recurrent(changed);

    assertThat(Arrays.copyOf(after, 12)).containsExactly(Arrays.copyOf(before, 12));
    assertThat(after[12]).isNotEqualTo(before[12]);
  }

  @Test
  void views_emptySequence_giveNothingAndKeepTheState() {
    DiscreteStateSpace discrete = S4d.real(2).discretize(Discretization.ZOH, 0.1);

    Response response = discrete.recurrent(new double[0][], new double[] {3, 4});

    assertThat(response.outputs()).isEmpty();
    assertThat(response.finalState()).containsExactly(3, 4);
    assertThat(discrete.convolve(new double[0][])).isEmpty();
    assertThat(discrete.convolve(new double[0])).isEmpty();
  }

  static Stream<Arguments> badCalls() {
    DiscreteStateSpace single = S4d.real(2).discretize(Discretization.ZOH, 0.1);
    DiscreteStateSpace wide = stableDense().discretize(Discretization.ZOH, 0.1);
    double[] zero = new double[2];
    return Stream.of(
        call(
            () -> single.recurrent(new double[][] {{1, 2}}, zero),
            "DiscreteStateSpace.recurrent: u has 2 columns in row 0, expected [length, inputs] ="
                + " [1, 1]"),
        call(
            () -> single.recurrent(new double[][] {{Double.NaN}}, zero),
            "DiscreteStateSpace.recurrent: u[0][0] must be finite, got NaN"),
        call(
            () -> single.recurrent(new double[][] {{1}}, new double[3]),
            "DiscreteStateSpace.recurrent: initialState has shape [3], expected [stateSize] = [2]"),
        call(
            () ->
                single.recurrent(new double[][] {{1}}, new double[] {0, Double.NEGATIVE_INFINITY}),
            "DiscreteStateSpace.recurrent: initialState[1] must be finite, got -Infinity"),
        call(
            () -> single.convolve(new double[][] {{1}, {}}),
            "DiscreteStateSpace.convolve: u has 0 columns in row 1, expected [length, inputs] = [2,"
                + " 1]"),
        call(() -> single.kernel(0), "DiscreteStateSpace.kernel: length must be positive, got 0"),
        call(
            () -> single.recurrent(new double[][] {{1}}, zero).output(1),
            "Response: index must be in [0, 1), got 1"),
        call(
            () -> wide.convolve(new double[4]),
            "DiscreteStateSpace.convolve: u has shape [length], expected [length, inputs]"
                + " (the system has 3 inputs and 2 outputs)"),
        call(
            () -> wide.recurrent(new double[4]),
            "DiscreteStateSpace.recurrent: u has shape [length], expected [length, inputs]"
                + " (the system has 3 inputs and 2 outputs)"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("badCalls")
  void views_badCall_isRefusedInWords(Runnable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call::run).withMessage(message);
  }

  private static Arguments call(Runnable call, String message) {
    return Arguments.of(call, message);
  }

  private static StateSpace stableDense() {
    StateSpace random = DiscretizationTest.randomDense(5, 3, 2, 21);
    double[][] a = random.a();
    for (int i = 0; i < 5; i++) {
      a[i][i] -= 4;
    }
    return StateSpace.dense(a, random.b(), random.c(), random.d());
  }

  private static double[] one(double value) {
    return new double[] {value};
  }

  private static double[][] gaussian(int rows, int columns, long seed) {
    Random random = new Random(seed);
    double[][] matrix = new double[rows][columns];
    for (double[] row : matrix) {
      for (int j = 0; j < columns; j++) {
        row[j] = random.nextGaussian();
      }
    }
    return matrix;
  }
}
