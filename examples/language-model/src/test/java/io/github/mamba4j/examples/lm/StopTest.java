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
    Process process =
        start(
            folder,
            "train",
            "--data-dir=" + data,
            "--output-dir=" + output,
            "--epochs=1000000",
            "--d-model=8",
            "--n-layers=1",
            "--max-length=16",
            "--progress=plain");
    List<String> lines = readAndStopAt(process, "epoch 1/");

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

  @Test
  void evaluate_stopped_saysHowFarItGotAndLeavesNothing() throws Exception {
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    Path data = Files.writeString(folder.resolve("a.txt"), "Some text to measure. ".repeat(50_000));
    Path output = folder.resolve("out");
    assertThat(CliRun.train("--data-dir=" + data, "--output-dir=" + output, "--max-steps=1").err())
        .isEmpty();
    Process process =
        start(temporary, "evaluate", "--model=" + output, "--file=" + data, "--stream");
    List<String> lines = readAndStopAt(process, "measured");

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(String.join("\n", lines)).isEqualTo(SIGTERM_CODE);
    assertThat(lines)
        .anyMatch(line -> line.matches("stopped +after [0-9,]+ of 1,100,000 tokens"))
        .anyMatch(line -> line.startsWith("perplexity a token"))
        .noneMatch(line -> line.contains("Exception"));
    assertThat(temporary).isEmptyDirectory();
  }

  /** Reads all lines, and stops the process at the first that begins so. */
  private static List<String> readAndStopAt(Process process, String begin) throws IOException {
    List<String> lines = new ArrayList<>();
    try (BufferedReader reader = process.inputReader()) {
      boolean stopped = false;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(line);
        if (!stopped && line.startsWith(begin)) {
          process.toHandle().destroy();
          stopped = true;
        }
      }
    }
    return lines;
  }

  private static Process start(Path temporary, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                MambaCli.class.getName()));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }
}
