package io.github.mamba4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @TempDir private Path folder;

  private static String table() throws IOException {
    URI results = URI.create(String.valueOf(ReportTest.class.getResource("results.json")));
    return Report.table("2026-11-22", "Some processor", List.of(Path.of(results)));
  }

  @Test
  void table_ofResults_namesMachineJvmAndDate() throws IOException {
    assertThat(table())
        .startsWith("Some processor; OpenJDK 64-Bit Server VM 25.0.1+8-LTS; 2026-11-22.\n\n|");
  }

  @Test
  void table_ofResultWithCeilingOfAsManyThreads_givesShareOfMedians() throws IOException {
    assertThat(table().lines())
        .contains(
            "| TrainingStepBenchmark.step |  | 2 | 100 | 90.0 to 110 | GFLOP/s | 50 % | 0.25 |",
            "| TrainingStepBenchmark.step |  | 2 | 4,096 | 2,048 to 8,192 | tokens/s |  | 0.25 |")
        .noneMatch(line -> line.contains("ms/call") && line.contains("Training"));
  }

  @Test
  void table_ofResultWithoutCeilingOfAsManyThreads_leavesShareOut() throws IOException {
    assertThat(table().lines())
        .contains(
            "| MatmulBenchmark.matmul | product NN 1024 1024 1024 | 1 | 107 | 107 to 107 |"
                + " GFLOP/s |  |  |");
  }

  @Test
  void table_ofResultWithoutRates_givesTimeOfOneCall() throws IOException {
    assertThat(table().lines())
        .contains(
            "| ScanBenchmark.vector | pass FORWARD | 1 | 25.0 | 20.0 to 50.0 | ms/call |  |  |");
  }

  @Test
  void table_ofOtherJson_namesTheFile() throws IOException {
    Path file = Files.writeString(folder.resolve("other.json"), "{}");
    assertThatThrownBy(() -> Report.table("2026-11-22", "Some processor", List.of(file)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("other.json")
        .hasMessageContaining("expected the results of JMH");
  }
}
