package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.List;
import org.junit.jupiter.api.Test;

class PeerTableTest {
  private static final String CELL =
      """
      {"model": "130m", "weights": "Q8_0", "threads": 2, "cpus": [0, 2],
       "processor": "Some processor", "os": "Linux 6", "jvm": "Some VM", "peer": "Peer b1",
       "kernels": "vector-512", "weightType": "F32", "weightBytes": 500000000,
       "agreement": {"tolerance": 0.05, "prompt": 0.007, "steps": 0.006},
       "prefillTokens": 512, "prefillFlops": 1e11,
       "matmulFlopsPerSecond": {"median": 2e11},
       "readBytesPerSecond": {"median": 4e10}, "readHugeBytesPerSecond": {"median": 5e10},
       "flopsPerSecond": 4e11,
       "decode": {"mamba4j": {"median": 90, "low": 80, "high": 95, "kept": 7, "taken": 9},
                  "native": {"median": 60, "low": 59, "high": 61, "kept": 7, "taken": 9},
                  "through Java": {"median": 45, "low": 44, "high": 46, "kept": 7, "taken": 9}},
       "prefill": {"mamba4j": {"median": 512, "low": 500, "high": 520, "kept": 7, "taken": 7},
                   "native": {"kept": 0, "taken": 21},
                   "through Java": {"median": 128, "low": 128, "high": 128, "kept": 1,
                                    "taken": 21}}}
      """;

  private static JsonObject cell(String text) throws CheckpointException {
    return JsonObject.of("cell", Json.parse("cell", text));
  }

  @Test
  void of_cell_comparesWithBestPeerAndBound() throws CheckpointException {
    assertThat(PeerTable.of(List.of(cell(CELL))).lines())
        .contains(
            "Some processor; Linux 6; Some VM; kernels vector-512; Peer b1",
            "| model | file | threads | work | mamba4j | native | through Java"
                + " | mamba4j / best peer | mamba4j of its bound |",
            "| 130m | Q8_0 | 2 | decode | 90.0 (80.0 to 95.0; 7 of 9) | 60.0 (59.0 to 61.0; 7 of 9)"
                + " | 45.0 (44.0 to 46.0; 7 of 9) | 1.50 | 90 % |",
            "| 130m | Q8_0 | 2: [0, 2] | F32, 500 MB | 40.0 GB/s | 50.0 GB/s | 400.0 GFLOP/s"
                + " | 200.0 GFLOP/s | 7.0e-03; 6.0e-03 |");
  }

  @Test
  void of_figureWithoutSamples_leavesItOut() throws CheckpointException {
    assertThat(PeerTable.of(List.of(cell(CELL))).lines())
        .contains(
            "| 130m | Q8_0 | 2 | prefill of 512 | 512.0 (500.0 to 520.0; 7 of 7) | – (0 of 21)"
                + " | 128.0 (128.0 to 128.0; 1 of 21) | 4.00 | 50 % |");
  }

  @Test
  void of_cellWithoutFigures_namesWhatIsMissing() {
    assertThatThrownBy(() -> PeerTable.of(List.of(cell(CELL.replace("decode", "encode")))))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("decode");
  }
}
