package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.data.tokens.TokenWindows;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.train.Trainer;
import io.github.mamba4j.train.TrainerBuilder;
import io.github.mamba4j.train.TrainingListener;
import io.github.mamba4j.train.TrainingResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One run of {@code mamba train}, from texts to a model with its record. */
final class TrainingRun {
  /** The names of what a run leaves in its output folder. */
  static final List<String> FILES =
      List.of(
          ModelFolder.BEST,
          ModelFolder.LAST,
          ResultsFile.NAME,
          MetricsCsv.NAME,
          TrainingCurves.NAME);

  private static final int SAMPLE_TOKENS = 200;
  private static final double SAMPLE_TEMPERATURE = 0.8;

  private final TrainCommand command;
  private final PrintWriter out;
  private final Path outputDir;
  private final @Nullable Path checkpoint;

  TrainingRun(TrainCommand command) {
    this.command = command;
    this.out = command.out();
    this.outputDir = command.outputDir();
    this.checkpoint = command.checkpoint();
  }

  /** Trains; nothing is written before all input has proved good. */
  int execute() throws IOException {
    try (Device device = command.device().open()) {
      out.println("device     " + device.describe());
      out.flush();
      TrainingTexts texts =
          TrainingTexts.open(command.corpus(), command.validation(), command.runOptions().seed());
      Tokenizer tokenizer = tokenizer(texts);
      try (StagingFolder staging = StagingFolder.beside(outputDir);
          TrainingData data =
              TrainingData.encode(
                  texts,
                  tokenizer,
                  staging.path(),
                  command.device().hostThreads(),
                  command.runOptions())) {
        describe(data, tokenizer);
        try (MambaModel model =
            command.model().build(tokenizer.vocabSize(), command.runOptions().seed(), device)) {
          describe(model);
          return train(data, tokenizer, model);
        }
      }
    }
  }

  private Tokenizer tokenizer(TrainingTexts texts) throws IOException {
    return checkpoint == null
        ? command.tokenizer().train(texts::forEachTraining, command.device().hostThreads())
        : new ModelFolder(checkpoint)
            .findTokenizer()
            .orElseThrow(() ->
                new BadInputException(
                    "--resume " + checkpoint + ": has no " + ModelFolder.TOKENIZER));
  }

  private void describe(TrainingData data, Tokenizer tokenizer) {
    out.println("data       " + command.corpus().data() + ", to train on:");
    out.println(StatisticsTable.of(data.counts().train()));
    if (data.counts().validation() == null) {
      boolean wanted = command.validation().split() > 0;
      out.println(
          "           nothing to measure on"
              + (wanted
                  ? ": there is a single text; --split-at-blank-lines makes each paragraph one"
                  : ""));
    } else {
      out.println("           to measure on:");
      out.println(StatisticsTable.of(data.counts().validation()));
    }
    out.println(
        Text.format(
            "tokenizer  %s, %,d tokens", command.tokenizer().kind(), tokenizer.vocabSize()));
    TokenWindows windows = data.train();
    out.println(
        Text.format(
            "batches    %,d of %d × %d tokens an epoch",
            windows.stepsPerEpoch(), windows.batchSize(), windows.length()));
    out.flush();
  }

  private void describe(MambaModel model) {
    List<String> lines =
        model.summary().lines().filter(line -> !line.equals(model.device().describe())).toList();
    out.println("model      " + String.join("\n           ", lines));
    out.flush();
  }

  private int train(TrainingData data, Tokenizer tokenizer, MambaModel model) throws IOException {
    MetricsHistory history =
        new MetricsHistory(
            checkpoint == null ? List.of() : MetricsCsv.read(checkpoint.resolve(MetricsCsv.NAME)));
    ResultsFile results = new ResultsFile(command, data, model, history);
    TrainingListener display = command.display();
    try (Trainer trainer = trainer(data, tokenizer, model, history, results, display);
        StopSignal signal = new StopSignal()) {
      signal.install(trainer::requestStop);
      if (checkpoint == null) {
        removeEarlierRun();
      } else {
        out.println(Text.format("resumed    %s at step %,d", checkpoint, trainer.step()));
        out.flush();
      }
      TrainingResult result;
      try {
        result = trainer.fit();
      } catch (IOException | RuntimeException e) {
        endDisplay(display);
        results.writeFailure(outputDir, String.valueOf(e.getMessage()));
        throw e;
      }
      endDisplay(display);
      return report(result, history, results, tokenizer, model);
    }
  }

  private static void endDisplay(TrainingListener display) {
    if (display instanceof BarDisplay bar) {
      bar.close();
    }
  }

  private void removeEarlierRun() throws IOException {
    for (String name : FILES) {
      AtomicFiles.deleteTree(outputDir.resolve(name));
    }
  }

  private Trainer trainer(
      TrainingData data,
      Tokenizer tokenizer,
      MambaModel model,
      MetricsHistory history,
      ResultsFile results,
      TrainingListener display)
      throws IOException {
    TrainerBuilder builder = Trainer.builder().model(model).data(data.train());
    command.runOptions().applyTo(builder);
    command.optimizer().applyTo(builder);
    TokenWindows validation = data.validation();
    if (validation != null) {
      builder.validationData(validation);
      command.validation().applyTo(builder);
    }
    RunFile record = results.runFile();
    builder
        .checkpoints(outputDir)
        .checkpointExtras(folder -> {
          tokenizer.save(folder.resolve(ModelFolder.TOKENIZER));
          MetricsCsv.write(folder.resolve(MetricsCsv.NAME), history.rows());
          record.write(folder);
        })
        .listener(history)
        .listener(display);
    if (checkpoint != null) {
      builder.resume(checkpoint);
    }
    try {
      return builder.build();
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new BadInputException(String.valueOf(e.getMessage()), e);
    }
  }

  private int report(
      TrainingResult result,
      MetricsHistory history,
      ResultsFile results,
      Tokenizer tokenizer,
      MambaModel model)
      throws IOException {
    boolean stopped = result.reason() == TrainingResult.Reason.STOP_REQUESTED;
    String sample = stopped ? "" : sample(tokenizer, model);
    results.write(outputDir, result, sample);
    if (stopped) {
      out.println(
          Text.format(
              "stopped after step %,d; go on with: mamba train --resume %s",
              result.steps(), outputDir));
      out.flush();
      return ErrorReport.INTERRUPTED;
    }
    FinalReport.print(out, result, history);
    drawCurves(history);
    out.println("written    " + outputDir + ": " + String.join(", ", written()));
    out.println("sample     " + sample.replace("\n", "\n           "));
    out.flush();
    return 0;
  }

  /** The numbers are safe by now: a machine that cannot draw costs the picture and no more. */
  private void drawCurves(MetricsHistory history) {
    try {
      TrainingCurves.write(outputDir.resolve(TrainingCurves.NAME), history);
    } catch (IOException e) {
      out.println("note       " + e.getMessage());
    }
  }

  private List<String> written() {
    return FILES.stream().filter(name -> Files.exists(outputDir.resolve(name))).toList();
  }

  private String sample(Tokenizer tokenizer, MambaModel model) {
    SamplingOptions.Builder options =
        SamplingOptions.builder()
            .maxNewTokens(SAMPLE_TOKENS)
            .temperature(SAMPLE_TEMPERATURE)
            .seed(command.runOptions().seed());
    if (tokenizer.endOfTextId() >= 0) {
      options.stopTokens(tokenizer.endOfTextId());
    }
    int[] prompt = GenerateCommand.encode(tokenizer, command.testText());
    return command.testText()
        + Generator.of(model, tokenizer).generate(prompt, options.build()).text();
  }
}
