package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdamWTest {

  @Test
  void of_defaults_areThePapers() {
    assertThat(AdamW.of(2e-3)).isEqualTo(new AdamW(2e-3, 0.9, 0.95, 1e-8, 0.1));
    assertThat(AdamW.of(1).withBetas(0.8, 0.99).withEps(1e-6).withWeightDecay(0))
        .isEqualTo(new AdamW(1, 0.8, 0.99, 1e-6, 0));
  }

  @ParameterizedTest(name = "{0} of {1} axes: {2}")
  @CsvSource({
    "backbone.embeddings.weight,2,true",
    "backbone.layers.0.mixer.in_proj.weight,2,true",
    "backbone.layers.0.mixer.conv1d.weight,3,true",
    "backbone.layers.0.mixer.dt_proj.weight,2,true",
    "lm_head.weight,2,true",
    "backbone.layers.0.mixer.A_log,2,false",
    "backbone.layers.0.mixer.D,2,false",
    "backbone.layers.0.mixer.D,1,false",
    "backbone.layers.0.mixer.dt_proj.bias,1,false",
    "backbone.layers.0.mixer.dt_bias,1,false",
    "backbone.layers.0.mixer.B_bias,3,false",
    "backbone.layers.0.mixer.init_states,3,false",
    "backbone.layers.0.norm.weight,1,false",
    "backbone.norm_f.weight,1,false"
  })
  void decays_parameter_followsNameAndRank(String name, int rank, boolean expected) {
    assertThat(AdamW.decays(name, rank)).isEqualTo(expected);
  }

  @Test
  void adamW_badNumbers_areNamed() {
    assertThatThrownBy(() -> AdamW.of(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("AdamW: learningRate must be positive, got 0.0");
    assertThatThrownBy(() -> AdamW.of(Double.NaN)).hasMessageContaining("learningRate");
    assertThatThrownBy(() -> AdamW.of(1).withBetas(1, 0.9)).hasMessageContaining("beta1");
    assertThatThrownBy(() -> AdamW.of(1).withBetas(0.9, -0.1)).hasMessageContaining("beta2");
    assertThatThrownBy(() -> AdamW.of(1).withEps(0)).hasMessageContaining("eps");
    assertThatThrownBy(() -> AdamW.of(1).withWeightDecay(-1))
        .hasMessage("AdamW: weightDecay must be not negative, got -1.0");
  }
}
