package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a model on texts. */
@Command(
    name = "train",
    description = {
      "Trains a model on texts. Ctrl-C ends it after the current step with a checkpoint that",
      "--resume goes on from, bit by bit as if it had never stopped."
    },
    sortOptions = false)
final class TrainCommand extends SubCommand {
  /** How progress is shown. */
  enum Progress {
    /** A bar on a terminal, lines elsewhere. */
    AUTO,
    /** A bar. */
    BAR,
    /** Lines. */
    PLAIN;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Mixin private CorpusOptions corpus;
  @Mixin private ValidationOptions validation;
  @Mixin private TokenizerOptions tokenizer;
  @Mixin private RunOptions run;
  @Mixin private ModelOptions model;
  @Mixin private OptimizerOptions optimizer;
  @Mixin private DeviceOptions device;

  @Option(
      names = "--test-text",
      paramLabel = "TEXT",
      defaultValue = "The ",
      description = "What the model continues at the end (default: '${DEFAULT-VALUE}').")
  private String testText;

  @Option(
      names = "--output-dir",
      paramLabel = "DIR",
      defaultValue = "output",
      description = {
        "Folder for the checkpoints 'best' and 'last', results.json, metrics.csv and",
        "training_curves.png (default: ${DEFAULT-VALUE})."
      })
  private Path outputDir;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description = {
        "Go on with the run of this output folder or checkpoint. Its options are taken over;",
        "options that do not change what was trained so far may be given anew."
      })
  private @Nullable Path resume;

  @Option(names = "--force", description = "Replace an earlier run in --output-dir.")
  private boolean force;

  @Option(
      names = "--progress",
      paramLabel = "KIND",
      defaultValue = "auto",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Progress progress;

  private @Nullable Path checkpoint;

  @Override
  int run() throws IOException {
    if (resume != null) {
      return ResumedCommand.of(this, resume).start();
    }
    return start();
  }

  /** Takes the checkpoint to go on from; its options are those of this command already. */
  void resumeFrom(Path folder) {
    checkpoint = folder;
  }

  int start() throws IOException {
    tokenizer.check();
    run.check();
    model.check();
    optimizer.check();
    validation.check();
    OutputFolder.requireWritable("--output-dir", outputDir);
    if (checkpoint == null && !force) {
      requireNoRun();
    }
    return new TrainingRun(this).execute();
  }

  private void requireNoRun() {
    for (String name : TrainingRun.FILES) {
      if (Files.exists(outputDir.resolve(name))) {
        throw new BadInputException(
            "--output-dir "
                + outputDir
                + ": holds a run already ("
                + name
                + "); --resume "
                + outputDir
                + " goes on with it, --force replaces it, or name another folder");
      }
    }
  }

  /** Returns the display that fits where the output goes. */
  TrainingListener display() {
    boolean bar = progress == Progress.BAR || (progress == Progress.AUTO && isTerminal());
    return bar ? new BarDisplay(out()) : new PlainDisplay(out());
  }

  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again where no terminal is
  static boolean isTerminal() {
    return System.console() != null && System.console().isTerminal();
  }

  /** Returns the names of the options that belong to the machine or the moment, not to the run. */
  static List<String> notOfTheRun() {
    return List.of(
        "--resume",
        "--force",
        "--progress",
        "--device",
        "--threads",
        "--output-dir",
        "--verbose",
        "--help");
  }

  CorpusOptions corpus() {
    return corpus;
  }

  ValidationOptions validation() {
    return validation;
  }

  TokenizerOptions tokenizer() {
    return tokenizer;
  }

  RunOptions runOptions() {
    return run;
  }

  ModelOptions model() {
    return model;
  }

  OptimizerOptions optimizer() {
    return optimizer;
  }

  DeviceOptions device() {
    return device;
  }

  String testText() {
    return testText;
  }

  Path outputDir() {
    return outputDir;
  }

  @Nullable Path checkpoint() {
    return checkpoint;
  }
}
