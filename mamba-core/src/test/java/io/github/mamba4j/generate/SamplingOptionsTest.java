package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class SamplingOptionsTest {

  @Test
  void builder_withoutSettings_drawsFromTheModelsDistribution() {
    SamplingOptions options = SamplingOptions.builder().build();

    assertThat(options.isGreedy()).isFalse();
    assertThat(options.temperature()).isEqualTo(1);
    assertThat(options.topK()).isZero();
    assertThat(options.topP()).isEqualTo(1);
    assertThat(options.minP()).isZero();
    assertThat(options.repetitionPenalty()).isEqualTo(1);
    assertThat(options.seed()).isZero();
    assertThat(options.maxNewTokens()).isEqualTo(128);
    assertThat(options.stopTokens()).isEmpty();
    assertThat(options.stopStrings()).isEmpty();
  }

  @Test
  void build_everySetting_isKept() {
    SamplingOptions options =
        SamplingOptions.builder()
            .temperature(0.5)
            .topK(3)
            .topP(0.9)
            .minP(0.1)
            .repetitionPenalty(1.2)
            .seed(7)
            .maxNewTokens(9)
            .stopTokens(5, 2)
            .stopTokens(5)
            .stopStrings("b", "a")
            .stopStrings(List.of("b"))
            .build();

    for (SamplingOptions each : List.of(options, options.withSeed(8))) {
      assertThat(each.temperature()).isEqualTo(0.5);
      assertThat(each.topK()).isEqualTo(3);
      assertThat(each.topP()).isEqualTo(0.9);
      assertThat(each.minP()).isEqualTo(0.1);
      assertThat(each.repetitionPenalty()).isEqualTo(1.2);
      assertThat(each.maxNewTokens()).isEqualTo(9);
      assertThat(each.stopTokens()).containsExactly(2, 5);
      assertThat(each.stopStrings()).containsExactly("b", "a");
    }
    assertThat(options.withSeed(8).seed()).isEqualTo(8);
    assertThat(options.toString()).contains("temperature=0.5", "seed=7").doesNotContain("\n");
    assertThat(SamplingOptions.greedy().toString()).contains("greedy");
  }

  @Test
  void greedy_isTopKOne() {
    assertThat(SamplingOptions.greedy().isGreedy()).isTrue();
    assertThat(SamplingOptions.builder().topK(1).build().isGreedy()).isTrue();
    assertThat(SamplingOptions.builder().greedy().repetitionPenalty(1.1).build().isGreedy())
        .isTrue();
  }

  @Test
  void setter_nonsense_saysTheRuleAndTheValue() {
    refuses(b -> b.temperature(0), "temperature must be positive", "got 0.0");
    refuses(b -> b.temperature(Double.NaN), "temperature", "got NaN");
    refuses(b -> b.temperature(Double.POSITIVE_INFINITY), "temperature", "got Infinity");
    refuses(b -> b.topK(-1), "topK must not be negative", "got -1");
    refuses(b -> b.topP(0), "topP must be in (0, 1]", "got 0.0");
    refuses(b -> b.topP(1.01), "topP", "got 1.01");
    refuses(b -> b.topP(Double.NaN), "topP", "got NaN");
    refuses(b -> b.minP(-0.1), "minP must be in [0, 1]", "got -0.1");
    refuses(b -> b.minP(1.1), "minP", "got 1.1");
    refuses(b -> b.repetitionPenalty(0), "repetitionPenalty must be positive", "got 0.0");
    refuses(b -> b.repetitionPenalty(Double.NaN), "repetitionPenalty", "got NaN");
    refuses(b -> b.maxNewTokens(0), "maxNewTokens must be positive", "got 0");
    refuses(b -> b.stopTokens(3, -1), "a stop token must not be negative", "got -1");
    refuses(b -> b.stopStrings("a", ""), "a stop string must not be empty", "got \"\"");
  }

  private static void refuses(Consumer<SamplingOptions.Builder> call, String rule, String found) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> call.accept(SamplingOptions.builder()))
        .withMessageStartingWith("SamplingOptions: ")
        .withMessageContaining(rule)
        .withMessageContaining(found);
  }

  @Test
  void setter_secondCallOrContradiction_isRefusedInWords() {
    contradicts(b -> b.temperature(1).temperature(1), "temperature is set twice");
    contradicts(b -> b.seed(1).seed(2), "seed is set twice");
    contradicts(b -> b.greedy().greedy(), "greedy is set twice");
    contradicts(b -> b.greedy().temperature(0.7), "temperature contradicts greedy");
    contradicts(b -> b.greedy().topK(5), "topK contradicts greedy");
    contradicts(b -> b.topP(0.9).greedy(), "greedy contradicts topP");
    contradicts(b -> b.minP(0.1).greedy(), "greedy contradicts minP");
  }

  private static void contradicts(Consumer<SamplingOptions.Builder> calls, String reason) {
    assertThatIllegalStateException()
        .isThrownBy(() -> calls.accept(SamplingOptions.builder()))
        .withMessageStartingWith("SamplingOptions: " + reason);
  }
}
