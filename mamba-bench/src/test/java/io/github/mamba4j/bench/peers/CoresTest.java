package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CoresTest {
  private static final List<Integer> ALLOWED = List.of(4, 5, 6, 7);
  private static final List<List<Integer>> PAIRS =
      List.of(List.of(4, 5), List.of(4, 5), List.of(6, 7), List.of(6, 7));

  @Test
  void parse_ofRangesAndNumbers_givesAll() {
    assertThat(Cores.parse("0-2,8,10-11")).containsExactly(0, 1, 2, 8, 10, 11);
  }

  @Test
  void choose_ofAsManyAsCores_givesOneProcessorOfEach() {
    assertThat(Cores.choose(2, ALLOWED, PAIRS)).containsExactly(4, 6);
  }

  @Test
  void choose_ofMoreThanCores_addsTheirOtherProcessors() {
    assertThat(Cores.choose(3, ALLOWED, PAIRS)).containsExactly(4, 6, 5);
  }

  @Test
  void choose_ofMoreThanProcessors_namesHowManyThereAre() {
    assertThatThrownBy(() -> Cores.choose(5, ALLOWED, PAIRS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("threads is 5, expected 1 to 4");
  }
}
