package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The stated error bounds over the whole float range, and equal bits in scalars and lanes. */
@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorMathTest {
  /** Prime, so that the bit patterns visited have no rhythm; about two million of them. */
  private static final int BIT_STEP = 2039;

  private interface Scalar {
    float apply(float x);
  }

  private interface Lanes {
    FloatVector apply(FloatVector x);
  }

  record Function(String name, Scalar scalar, Lanes lanes, DoubleUnaryOperator truth, double ulps) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Function> functions() {
    return Stream.of(
        new Function("exp", ScalarMath::exp, VectorMath::exp, Math::exp, 1),
        new Function(
            "softplus",
            ScalarMath::softplus,
            VectorMath::softplus,
            x -> x <= 20 ? Math.log1p(Math.exp(x)) : x,
            2.5),
        new Function(
            "sigmoid", ScalarMath::sigmoid, VectorMath::sigmoid, x -> 1 / (1 + Math.exp(-x)), 2.5),
        new Function("silu", ScalarMath::silu, VectorMath::silu, x -> x / (1 + Math.exp(-x)), 3),
        new Function("tanh", ScalarMath::tanh, VectorMath::tanh, Math::tanh, 2.5),
        new Function("exp2", ScalarMath::exp2, VectorMath::exp2, x -> Math.pow(2, x), 2.5),
        new Function(
            "exp2MinusOne",
            ScalarMath::exp2MinusOne,
            VectorMath::exp2MinusOne,
            x -> Math.expm1(x * Math.log(2)),
            3));
  }

  @ParameterizedTest
  @MethodSource("functions")
  void function_wholeRange_staysWithinBound(Function function) {
    double worst = 0;
    float at = 0;
    for (long bits = 0; bits < 1L << 32; bits += BIT_STEP) {
      float x = Float.intBitsToFloat((int) bits);
      double error = outside(function, x) ? 0 : ulps(function, x);
      if (error > worst) {
        worst = error;
        at = x;
      }
    }
    assertThat(worst).as("%s: worst at x = %s", function.name, at).isLessThan(function.ulps);
  }

  @ParameterizedTest
  @MethodSource("functions")
  void function_everyExponentAndItsNeighbours_staysWithinBound(Function function) {
    for (int exponent = Float.MIN_EXPONENT - 23; exponent <= Float.MAX_EXPONENT; exponent++) {
      for (float sign = -1; sign <= 1; sign += 2) {
        float power = sign * Math.scalb(1f, exponent);
        for (float x :
            new float[] {Math.nextDown(power), power, Math.nextUp(power), 1.5f * power}) {
          if (!outside(function, x)) {
            assertThat(ulps(function, x)).as("%s(%s)", function, x).isLessThan(function.ulps);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("functions")
  void function_lanes_haveTheBitsOfTheScalar(Function function) {
    int lanes = VectorAccess.SPECIES.length();
    float[] x = new float[lanes];
    float[] y = new float[lanes];
    for (long bits = 0; bits < 1L << 32; bits += 65_537L * lanes) {
      for (int i = 0; i < lanes; i++) {
        x[i] = Float.intBitsToFloat((int) (bits + 65_537L * i));
      }
      function.lanes.apply(FloatVector.fromArray(VectorAccess.SPECIES, x, 0)).intoArray(y, 0);
      for (int i = 0; i < lanes; i++) {
        float expected = function.scalar.apply(x[i]);
        assertThat(Float.floatToIntBits(y[i]))
            .as("%s(%s): lane %s, scalar %s", function, x[i], y[i], expected)
            .isEqualTo(Float.floatToIntBits(expected));
      }
    }
  }

  @Test
  void specialValues_goWhereTheyMust() {
    float inf = Float.POSITIVE_INFINITY;
    assertThat(ScalarMath.exp(-inf)).isZero();
    assertThat(ScalarMath.exp(inf)).isEqualTo(inf);
    assertThat(ScalarMath.exp(0)).isEqualTo(1);
    assertThat(ScalarMath.exp(-100)).isZero();
    assertThat(ScalarMath.exp(88.7229f)).isEqualTo(inf);
    assertThat(ScalarMath.exp2(0)).isEqualTo(1);
    assertThat(ScalarMath.exp2(-1e6f)).isBetween(Float.MIN_NORMAL, 4 * Float.MIN_NORMAL);
    assertThat(ScalarMath.exp2(-1e12f)).isBetween(-1e-15f, 1e-15f);
    assertThat(ScalarMath.exp2(1000)).isBetween(Float.MAX_VALUE / 4, Float.MAX_VALUE);
    assertThat(ScalarMath.exp2MinusOne(0)).isZero();
    assertThat(ScalarMath.exp2MinusOne(-1000)).isEqualTo(-1);
    assertThat(ScalarMath.softplus(-inf)).isZero();
    assertThat(ScalarMath.softplus(inf)).isEqualTo(inf);
    assertThat(ScalarMath.softplus(20.000002f)).isEqualTo(20.000002f);
    assertThat(ScalarMath.sigmoid(-inf)).isZero();
    assertThat(ScalarMath.sigmoid(inf)).isEqualTo(1);
    assertThat(ScalarMath.sigmoid(0)).isEqualTo(0.5f);
    assertThat(ScalarMath.silu(inf)).isEqualTo(inf);
    assertThat(ScalarMath.tanh(-inf)).isEqualTo(-1);
    assertThat(ScalarMath.tanh(-0f)).isEqualTo(-0f);
  }

  /** Where the truth is no float, and the range that exp2 does not promise. */
  private static boolean outside(Function function, float x) {
    if (function.name.startsWith("exp2") && !(Math.abs(x) < 125)) {
      return true;
    }
    return Math.abs(function.truth.applyAsDouble(x)) > Float.MAX_VALUE;
  }

  private static double ulps(Function function, float x) {
    double truth = function.truth.applyAsDouble(x);
    float actual = function.scalar.apply(x);
    if (Double.isNaN(truth)) {
      return Float.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
    }
    double flushed = function.name.equals("silu") ? 3e-37 : Float.MIN_NORMAL;
    if (actual == 0 && Math.abs(truth) < flushed) {
      return 0;
    }
    double ulp = Math.ulp((float) Math.max(Math.abs(truth), Float.MIN_NORMAL));
    return Math.abs(actual - truth) / ulp;
  }
}
