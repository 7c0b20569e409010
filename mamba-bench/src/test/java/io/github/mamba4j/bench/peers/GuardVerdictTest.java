package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardVerdictTest {
  private static final String CELL =
      """
      {"cell": "forward 512", "threads": 1, "contestants": [
       {"name": "new", "samples": [{"seconds": 1.0}, {"seconds": 2.0}, {"seconds": 1.0}]},
       {"name": "old", "samples": [{"seconds": 0.9}, {"seconds": 2.0}, {"seconds": 0.8}]}]}
      """;

  private static GuardVerdict verdict(String cell, double threshold) throws CheckpointException {
    JsonObject json = JsonObject.of("cell", Json.parse("cell", cell));
    return GuardVerdict.of("scan", json, "old", "new", threshold);
  }

  @Test
  void of_samples_comparesThoseOfOneRound() throws CheckpointException {
    GuardVerdict verdict = verdict(CELL, 0.9);
    assertThat(verdict.ratio().kept()).containsExactly(0.8, 0.9, 1.0);
    assertThat(verdict.holds()).isTrue();
  }

  @Test
  void holds_ofMedianBelowThreshold_isFalse() throws CheckpointException {
    assertThat(verdict(CELL, 0.95).holds()).isFalse();
  }

  @Test
  void holds_withoutOldBuild_isFalse() throws CheckpointException {
    assertThat(verdict(CELL.replace("\"old\"", "\"other\""), 0.1).holds()).isFalse();
  }

  @Test
  void table_ofVerdicts_saysWhichAreBelow() throws CheckpointException {
    assertThat(GuardVerdict.table(List.of(verdict(CELL, 0.9), verdict(CELL, 0.95))))
        .contains(
            "| scan forward 512, threads 1 | 0.900 | 0.800 to 1.000 |  |",
            "| scan forward 512, threads 1 | 0.900 | 0.800 to 1.000 | below 0.95 |");
  }
}
