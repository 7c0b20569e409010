package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Stops a running program from outside, as Ctrl-C does. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "Java can only kill there, not ask to stop")
class StopTest {
  private static final int SIGTERM_CODE = 143;

  @TempDir private Path folder;

  @Test
  void train_stopped_leavesACheckpointThatResumes() throws Exception {
    Path data = Files.writeString(folder.resolve("a.txt"), "Some text to train on. ".repeat(50));
    Path output = folder.resolve("out");
    Process process = start(data, output);
    List<String> lines = new ArrayList<>();
    try (BufferedReader reader = process.inputReader()) {
      boolean stopped = false;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(line);
        if (!stopped && line.startsWith("epoch 1/")) {
          process.toHandle().destroy();
          stopped = true;
        }
      }
    }

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", lines)).isEqualTo(SIGTERM_CODE);
    assertThat(lines.getLast()).startsWith("stopped after step").contains("--resume " + output);
    assertThat(folder).isDirectoryNotContaining("glob:**/.mamba*");
    long steps = MetricsCsv.read(output.resolve("metrics.csv")).size();
    CliRun resumed = CliRun.of("train", "--resume=" + output, "--max-steps=" + (steps + 2));
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
    assertThat(resumed.out()).contains("at step " + steps, "done       " + (steps + 2) + " steps");
  }

  private static Process start(Path data, Path output) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            MambaCli.class.getName(),
            "train",
            "--data-dir=" + data,
            "--output-dir=" + output,
            "--epochs=1000000",
            "--d-model=8",
            "--n-layers=1",
            "--max-length=16",
            "--progress=plain")
        .redirectErrorStream(true)
        .start();
  }
}
