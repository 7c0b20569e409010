package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ResultTableTest {
  private static final String RESULTS =
      """
      {"date": "2026-01-01", "processor": "Some processor", "os": "Linux 6", "jvm": "Some VM",
       "arguments": ["--works", "matmul"], "cells": [
        {"work": "matmul", "cell": "NN 8 8 8", "threads": 2, "unit": "GFLOP/s", "amount": 1.0,
         "flopsPerSecond": 4e11, "readBytesPerSecond": 4e10,
         "contestants": [
          {"name": "mamba4j", "role": "OURS", "is": {"kernels": "vector-512"},
           "facts": {"boundFlops": 1e9}, "median": 0.005, "low": 0.004, "high": 0.01,
           "kept": 7, "taken": 9},
          {"name": "slow", "role": "PEER", "is": {}, "facts": {}, "median": 0.02, "low": 0.02,
           "high": 0.02, "kept": 7, "taken": 7},
          {"name": "fast", "role": "PEER", "is": {}, "facts": {}, "median": 0.01, "low": 0.01,
           "high": 0.01, "kept": 7, "taken": 7},
          {"name": "fast, plain", "role": "UNTUNED", "is": {}, "facts": {}, "median": 0.001,
           "low": 0.001, "high": 0.001, "kept": 7, "taken": 7},
          {"name": "unsteady", "role": "PEER", "is": {}, "facts": {}, "kept": 0, "taken": 21}],
         "skipped": {"gone": "not built"}},
        {"work": "scan", "cell": "forward 512", "threads": 1, "unit": "ms", "amount": 1.0,
         "flopsPerSecond": 4e11, "readBytesPerSecond": 4e10,
         "contestants": [
          {"name": "mamba4j", "role": "OURS", "is": {}, "facts": {"peakBytes": 2000000},
           "median": 0.002, "low": 0.001, "high": 0.003, "kept": 7, "taken": 7},
          {"name": "torch", "role": "PEER", "is": {}, "facts": {"peakBytes": 20000000},
           "median": 0.02, "low": 0.02, "high": 0.02, "kept": 7, "taken": 7}],
         "skipped": {}}]}
      """;

  private static String[] table(String results) throws CheckpointException {
    JsonObject json = JsonObject.of("results", Json.parse("results", results));
    return ResultTable.of(json).split("\n", -1);
  }

  @Test
  void of_rates_comparesWithFastestTunedPeerAndBound() throws CheckpointException {
    assertThat(table(RESULTS))
        .contains(
            "2026-01-01; Some processor; Linux 6; Some VM",
            "| cell | threads | unit | mamba4j | slow | fast | fast, plain | unsteady"
                + " | ours / best peer | ours of its bound | FMA, GFLOP/s | read, GB/s |",
            "| NN 8 8 8 | 2 | GFLOP/s | 200.0 (100.0 to 250.0; 7 of 9) | 50.0 (50.0 to 50.0; 7 of"
                + " 7) | 100.0 (100.0 to 100.0; 7 of 7) | 1000 (1000 to 1000; 7 of 7)"
                + " | – (0 of 21) | 2.00 | 50 % | 400.0 | 40.0 |",
            "- NN 8 8 8 without gone: not built");
  }

  @Test
  void of_times_givesMillisecondsAndMemory() throws CheckpointException {
    assertThat(table(RESULTS))
        .contains(
            "| forward 512 | 1 | ms | 2.00 (1.00 to 3.00; 7 of 7) | 20.0 (20.0 to 20.0; 7 of 7)"
                + " | 10.00 | – | 400.0 | 40.0 |",
            "| forward 512 | 1 | 2.0 | 20.0 | 10.0 |");
  }

  @Test
  void of_cellWithoutContestants_namesWhatIsMissing() {
    assertThatThrownBy(() -> table(RESULTS.replace("contestants", "others")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("contestants");
  }

  @Test
  void line_ofCell_hasAllMedians() {
    Map<String, Object> ours =
        Map.of("name", "mamba4j", "median", 0.5, "low", 0.5, "high", 0.5, "kept", 1, "taken", 1);
    Map<String, Object> cell =
        Map.of(
            "cell",
            "256x6",
            "threads",
            2,
            "unit",
            "tokens/s",
            "amount",
            10.0,
            "contestants",
            java.util.List.of(ours));
    assertThat(ResultTable.line(cell))
        .isEqualTo("256x6, threads 2: mamba4j 20.0 (20.0 to 20.0; 1 of 1); tokens/s");
  }
}
