package io.github.mamba4j.ssm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StateSpaceTest {

  private static final double[][] A = {{-1, 2}, {0, -3}};
  private static final double[][] B = {{1, 2, 3}, {4, 5, 6}};
  private static final double[][] C = {{7, 8}};
  private static final double[][] D = {{0, 1, 2}};

  @Test
  void dense_matrices_keepShapesAndValues() {
    StateSpace system = StateSpace.dense(A, B, C, D);

    assertThat(system.stateSize()).isEqualTo(2);
    assertThat(system.inputs()).isEqualTo(3);
    assertThat(system.outputs()).isEqualTo(1);
    assertThat(system.isDiagonal()).isFalse();
    assertThat(system.a()).isDeepEqualTo(A);
    assertThat(system.b()).isDeepEqualTo(B);
    assertThat(system.c()).isDeepEqualTo(C);
    assertThat(system.d()).isDeepEqualTo(D);
  }

  @Test
  void stateSpace_arraysChangedOutside_staysTheSame() {
    double[][] a = {{-1}};
    double[][] b = {{1}};
    StateSpace system = StateSpace.dense(a, b, new double[][] {{1}}, new double[][] {{0}});
    a[0][0] = 5;
    b[0][0] = 5;
    system.a()[0][0] = 6;
    system.b()[0][0] = 6;
    system.c()[0][0] = 6;
    system.d()[0][0] = 6;

    assertThat(system.a()[0][0]).isEqualTo(-1);
    assertThat(system.b()[0][0]).isEqualTo(1);
    assertThat(system.c()[0][0]).isEqualTo(1);
    assertThat(system.d()[0][0]).isZero();
  }

  @Test
  void diagonal_realForm_hasZerosOffTheDiagonal() {
    StateSpace system =
        StateSpace.diagonal(
            new double[] {-1, -2}, new double[][] {{1}, {2}}, new double[][] {{3, 4}}, zero());

    assertThat(system.isDiagonal()).isTrue();
    assertThat(system.a()).isDeepEqualTo(new double[][] {{-1, 0}, {0, -2}});
    assertThat(system.toDense().isDiagonal()).isFalse();
    assertThat(system.toDense().a()).isDeepEqualTo(system.a());
  }

  @Test
  void conjugatePairs_realForm_hasRotationBlocksAndDoubledOutput() {
    StateSpace system =
        StateSpace.conjugatePairs(
            new double[] {-1, -2},
            new double[] {3, 4},
            new double[][] {{5}, {6}},
            new double[][] {{7}, {8}},
            new double[][] {{9, 10}},
            new double[][] {{11, 12}},
            zero());

    assertThat(system.stateSize()).isEqualTo(4);
    assertThat(system.a())
        .isDeepEqualTo(
            new double[][] {{-1, 0, -3, 0}, {0, -2, 0, -4}, {3, 0, -1, 0}, {0, 4, 0, -2}});
    assertThat(system.b()).isDeepEqualTo(new double[][] {{5}, {6}, {7}, {8}});
    assertThat(system.c()).isDeepEqualTo(new double[][] {{18, 20, -22, -24}});
  }

  static Stream<Arguments> badCalls() {
    double[][] empty = {};
    double[][] nan = {{Double.NaN, 0}, {0, 1}};
    double[] two = {-1, -2};
    double[][] column = {{1}, {1}};
    double[][] row = {{1, 1}};
    return Stream.of(
        call(
            () -> StateSpace.dense(empty, B, C, D),
            "StateSpace: a is empty, expected at least one row and one column"),
        call(
            () -> StateSpace.dense(new double[][] {{1, 2}}, B, C, D),
            "StateSpace: a has 2 columns in row 0, expected [stateSize, stateSize] = [1, 1]"),
        call(
            () -> StateSpace.dense(new double[][] {{1, 2}, {3}}, B, C, D),
            "StateSpace: a has 1 columns in row 1, expected [stateSize, stateSize] = [2, 2]"),
        call(() -> StateSpace.dense(nan, B, C, D), "StateSpace: a[0][0] must be finite, got NaN"),
        call(
            () -> StateSpace.dense(A, new double[][] {{1}}, C, D),
            "StateSpace: b has shape [1, 1], expected [stateSize, inputs] = [2, 1]"),
        call(
            () -> StateSpace.dense(A, empty, C, D),
            "StateSpace: b is empty, expected at least one row and one column"),
        call(
            () -> StateSpace.dense(A, B, new double[][] {{1}}, D),
            "StateSpace: c has 1 columns in row 0, expected [outputs, stateSize] = [1, 2]"),
        call(
            () -> StateSpace.dense(A, B, C, zero()),
            "StateSpace: d has 1 columns in row 0, expected [outputs, inputs] = [1, 3]"),
        call(
            () -> StateSpace.dense(A, B, C, new double[2][3]),
            "StateSpace: d has shape [2, 3], expected [outputs, inputs] = [1, 3]"),
        call(
            () -> StateSpace.dense(A, new double[] {1, 1}, two, Double.POSITIVE_INFINITY),
            "StateSpace: d[0][0] must be finite, got Infinity"),
        call(
            () -> StateSpace.diagonal(new double[0], column, row, zero()),
            "StateSpace: length of a must be positive, got 0"),
        call(
            () -> StateSpace.diagonal(new double[] {1, Double.NaN}, column, row, zero()),
            "StateSpace: a[1] must be finite, got NaN"),
        call(
            () -> StateSpace.conjugatePairs(two, new double[1], column, column, row, row, zero()),
            "StateSpace: aImaginary has shape [1], expected [modes] = [2]"),
        call(
            () -> StateSpace.conjugatePairs(two, two, column, new double[2][2], row, row, zero()),
            "StateSpace: bImaginary has 2 columns in row 0, expected [modes, inputs] = [2, 1]"),
        call(
            () -> StateSpace.conjugatePairs(two, two, column, column, row, column, zero()),
            "StateSpace: cImaginary has shape [2, 1], expected [outputs, modes] = [1, 2]"),
        call(
            () -> StateSpace.conjugatePairs(two, two, column, column, row, row, new double[1][2]),
            "StateSpace: d has 2 columns in row 0, expected [outputs, inputs] = [1, 1]"),
        call(() -> Hippo.legS(0), "Hippo: stateSize must be positive, got 0"),
        call(() -> Hippo.legS(new double[0]), "Hippo: stateSize must be positive, got 0"),
        call(() -> S4d.real(0), "S4d.real: size must be positive, got 0"),
        call(() -> S4d.lin(-1), "S4d.lin: size must be positive, got -1"),
        call(() -> S4d.inv(0), "S4d.inv: size must be positive, got 0"),
        call(
            () -> S4d.lin(new double[0], new double[0]),
            "S4d.lin: length of cReal must be positive, got 0"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("badCalls")
  void stateSpace_badCall_isRefusedInWords(Runnable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call::run).withMessage(message);
  }

  private static Arguments call(Runnable call, String message) {
    return Arguments.of(call, message);
  }

  private static double[][] zero() {
    return new double[1][1];
  }
}
