package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.corpus.Language;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.train.Evaluation;
import io.github.mamba4j.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The record of a run: {@code results.json}, {@code metrics.csv} and the picture of both. */
final class ResultsFile {
  /** The name of the file. */
  static final String NAME = "results.json";

  private final TrainCommand command;
  private final MambaModel model;
  private final MetricsHistory history;
  private final Map<String, Object> data;
  private final String started = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();

  ResultsFile(TrainCommand command, TrainingData data, MambaModel model, MetricsHistory history)
      throws IOException {
    this.command = command;
    this.model = model;
    this.history = history;
    this.data = describe(data);
  }

  /** Returns what each checkpoint keeps of this. */
  RunFile runFile() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("started", started);
    facts.put("environment", environment());
    facts.put("data", data);
    return new RunFile(ResumedCommand.options(command), facts);
  }

  /** Writes the record of a run that ended in order. */
  void write(Path folder, TrainingResult result, String sample) throws IOException {
    Map<String, Object> json = header(result.reason().name().toLowerCase(Locale.ROOT));
    Map<String, Object> end = new LinkedHashMap<>();
    end.put("steps", result.steps());
    end.put("epochs", result.epochs());
    end.put("elapsed_seconds", result.elapsedNanos() / 1e9);
    history
        .last(MetricRow.Kind.EPOCH)
        .or(() -> history.last(MetricRow.Kind.STEP))
        .ifPresent(row -> end.put("training", measured(row.loss(), row.accuracy())));
    result.validation().ifPresent(value -> end.put("validation", measured(value)));
    result
        .best()
        .ifPresent(best -> end.put("best", Map.of("loss", best.loss(), "step", best.step())));
    json.put("final", end);
    if (!sample.isEmpty()) {
      json.put("sample", Map.of("prompt", command.testText(), "text", sample));
    }
    writeNumbers(folder, json);
  }

  /** Writes the record of a run that failed, if there is anything to tell. */
  void writeFailure(Path folder, String message) throws IOException {
    if (history.rows().isEmpty()) {
      return;
    }
    Map<String, Object> json = header("failed");
    json.put("failure", message);
    writeNumbers(folder, json);
  }

  private Map<String, Object> header(String status) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("format", "mamba4j-results");
    json.put("version", 1);
    json.put("status", status);
    json.put("started", started);
    json.put("seed", command.runOptions().seed());
    json.put("configuration", ResumedCommand.options(command));
    json.put("environment", environment());
    json.put("model", Map.of("config", configuration(), "parameters", model.parameterCount()));
    json.put("data", data);
    return json;
  }

  private void writeNumbers(Path folder, Map<String, Object> json) throws IOException {
    json.put("epochs", rows(MetricRow.Kind.EPOCH));
    json.put("validations", rows(MetricRow.Kind.VALIDATION));
    json.put("steps", rows(MetricRow.Kind.STEP));
    MetricsCsv.write(folder.resolve(MetricsCsv.NAME), history.rows());
    JsonFiles.write(folder.resolve(NAME), json);
  }

  private List<Map<String, Object>> rows(MetricRow.Kind kind) {
    return history.rows(kind).stream().map(MetricRow::toMap).toList();
  }

  private static Map<String, Object> measured(Evaluation evaluation) {
    return measured(evaluation.loss(), evaluation.accuracy());
  }

  private static Map<String, Object> measured(double loss, double accuracy) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("loss", loss);
    map.put("perplexity", Math.exp(loss));
    map.put("accuracy", accuracy);
    return map;
  }

  private Map<String, Object> configuration() {
    Map<String, Object> map = new LinkedHashMap<>();
    MixerConfig mixer = model.config().mixer();
    map.put("architecture", model.config().architecture().toString());
    map.put("d_model", model.config().dModel());
    map.put("n_layers", model.config().nLayers());
    map.put("d_inner", mixer.dInner());
    map.put("d_state", mixer.dState());
    map.put("d_conv", mixer.dConv());
    map.put("vocab_size", model.config().vocabSize());
    return map;
  }

  private Map<String, Object> environment() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("mamba4j", MambaVersion.program());
    map.put("java", Runtime.version().toString());
    map.put("jvm", System.getProperty("java.vm.vendor"));
    map.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    map.put("architecture", System.getProperty("os.arch"));
    map.put("processors", Runtime.getRuntime().availableProcessors());
    map.put("device", model.device().describe());
    return map;
  }

  private static Map<String, Object> describe(TrainingData data) throws IOException {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("train", side(data.counts().train(), data.texts().train()));
    LanguageStatistics validation = data.counts().validation();
    if (validation != null) {
      map.put("validation", side(validation, data.texts().validation()));
    }
    map.putAll(data.hashes());
    map.put("file_count", data.texts().files().size());
    map.put("files", SourceFiles.describe(data.texts().files()));
    return map;
  }

  private static Map<String, Object> side(LanguageStatistics statistics, TextVolume volume) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("texts", volume.documents());
    map.put("bytes", volume.bytes());
    map.put("words", volume.words());
    map.put("characters", statistics.total().characters());
    map.put("tokens", statistics.total().tokens());
    for (Language language : Language.values()) {
      LanguageStatistics.Counts counts = statistics.of(language);
      if (counts.texts() > 0) {
        map.put(language.name().toLowerCase(Locale.ROOT), counts(counts));
      }
    }
    return map;
  }

  private static Map<String, Object> counts(LanguageStatistics.Counts counts) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("texts", counts.texts());
    map.put("characters", counts.characters());
    map.put("tokens", counts.tokens());
    return map;
  }
}
