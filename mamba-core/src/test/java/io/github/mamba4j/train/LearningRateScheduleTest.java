package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.train.LearningRateSchedule.Decay;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearningRateScheduleTest {

  @ParameterizedTest(name = "step {0}: {1}")
  @CsvSource({"0,0.25", "1,0.5", "2,0.75", "3,1", "4,1", "1000,1"})
  void constant_withWarmup_risesFromOneStepToThePeak(long step, double expected) {
    assertThat(LearningRateSchedule.constant().withWarmup(4).factor(step)).isEqualTo(expected);
  }

  @ParameterizedTest(name = "step {0}: {1}")
  @CsvSource({"0,0.5", "1,1", "2,1", "3,0.8875", "6,0.55", "9,0.2125", "10,0.1", "11,0.1"})
  void linear_overTenSteps_fallsToTheFinalFraction(long step, double expected) {
    LearningRateSchedule schedule =
        LearningRateSchedule.linear(0.1).withWarmup(2).withDecaySteps(10);

    assertThat(schedule.factor(step)).isCloseTo(expected, within(1e-15));
  }

  // 0.1 + 0.9 · (1 + cos(π·(s − 2)/8))/2 at s = 4, 6, 8: cos(π/4) = 0.7071067811865476, 0, −that.
  @ParameterizedTest(name = "step {0}: {1}")
  @CsvSource({
    "0,0.5",
    "1,1",
    "2,1",
    "4,0.8681980515339464",
    "6,0.55",
    "8,0.2318019484660536",
    "10,0.1",
    "99,0.1"
  })
  void cosine_overTenSteps_fallsToTheFinalFraction(long step, double expected) {
    LearningRateSchedule schedule =
        LearningRateSchedule.cosine(0.1).withWarmup(2).withDecaySteps(10);

    assertThat(schedule.factor(step)).isCloseTo(expected, within(1e-15));
  }

  @Test
  void over_decayWithoutLength_takesTheRuns() {
    assertThat(LearningRateSchedule.linear(0).over(4).factor(2)).isEqualTo(0.5);
    assertThat(LearningRateSchedule.linear(0).withDecaySteps(8).over(4).factor(2)).isEqualTo(0.75);
    assertThat(LearningRateSchedule.constant().over(4)).isEqualTo(LearningRateSchedule.constant());
  }

  @Test
  void factor_warmupAsLongAsTheRun_neverLeavesIt() {
    LearningRateSchedule schedule = LearningRateSchedule.cosine(0).withWarmup(4).withDecaySteps(4);

    assertThat(schedule.factor(3)).isEqualTo(1);
    assertThat(schedule.factor(5)).isEqualTo(0);
  }

  @Test
  void factor_decayOfUnknownLength_isRefused() {
    assertThatThrownBy(() -> LearningRateSchedule.cosine(0).factor(0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("withDecaySteps");
    assertThatThrownBy(() -> LearningRateSchedule.constant().factor(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }

  @Test
  void schedule_badNumbers_areNamed() {
    assertThatThrownBy(() -> LearningRateSchedule.constant().withWarmup(-1))
        .hasMessage("LearningRateSchedule: warmupSteps must not be negative, got -1");
    assertThatThrownBy(() -> LearningRateSchedule.cosine(1.5))
        .hasMessage("LearningRateSchedule: finalFraction must be in [0, 1], got 1.5");
    assertThatThrownBy(() -> LearningRateSchedule.linear(Double.NaN))
        .hasMessageContaining("finalFraction");
    assertThatThrownBy(() -> LearningRateSchedule.linear(0).withDecaySteps(0))
        .hasMessageContaining("decaySteps must be positive, got 0");
    assertThatThrownBy(() -> LearningRateSchedule.constant().withDecaySteps(5))
        .hasMessageContaining("constant");
    assertThatThrownBy(() -> new LearningRateSchedule(Decay.LINEAR, 0, 0, -3))
        .hasMessageContaining("decaySteps must not be negative, got -3");
  }
}
