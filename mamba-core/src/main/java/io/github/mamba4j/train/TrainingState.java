package io.github.mamba4j.train;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Everything that a run is made of, and its form as a folder: the model's own files, {@code
 * optimizer.safetensors} with the moments, and {@code training.json} with the rest.
 *
 * @param model the model
 * @param step the optimiser with its moments
 * @param progress where the run is
 * @param settings what the numbers depend on and must be equal on both sides of a resume
 * @param data fingerprint of the training data and its order
 * @param extras writes further files into each folder
 */
record TrainingState(
    MambaModel model,
    TrainingStep step,
    TrainingProgress progress,
    SequencedMap<String, Object> settings,
    String data,
    AtomicFiles.DirectoryBody extras) {
  static final String PROGRESS = "training.json";

  private static final String WEIGHTS = "model.safetensors";
  private static final String MOMENTS = "optimizer.safetensors";
  private static final String FORMAT = "mamba4j-training";
  private static final int VERSION = 1;

  /** Returns the name of a parameter or moment that holds an infinity or a NaN. */
  Optional<String> firstNotFinite() {
    return FloatTensors.firstNotFinite(model.parameters())
        .or(() -> FloatTensors.firstNotFinite(step.moments()));
  }

  /** Creates or replaces a folder as a whole. */
  void write(Path folder) throws IOException {
    AtomicFiles.replaceDirectory(
        folder,
        fresh -> {
          model.save(fresh);
          FloatTensors.write(fresh.resolve(MOMENTS), step.moments());
          extras.writeTo(fresh);
          Json.write(fresh.resolve(PROGRESS), toJson());
        });
  }

  private Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("format", FORMAT);
    json.put("version", VERSION);
    json.put("data", data);
    json.put("settings", settings);
    json.put("model", RecordFields.of(model.config()));
    json.put("progress", progress.toJson());
    return json;
  }

  /**
   * Goes back to where a folder was written. Everything is checked before anything changes.
   *
   * @param folder what {@link #write} made
   * @param totalSteps the step at which the run ends
   * @throws CheckpointException if the folder is damaged, belongs to another run or is beyond its
   *     end
   */
  void restore(Path folder, long totalSteps) throws IOException {
    Path file = folder.resolve(PROGRESS);
    JsonObject json = Json.readObject(file);
    requireVersion(file, json);
    requireSameRun(file, json);
    try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve(WEIGHTS));
        SafetensorsFile moments = SafetensorsFile.open(folder.resolve(MOMENTS))) {
      FloatTensors.requireSame(weights, model.parameters());
      FloatTensors.requireSame(moments, step.moments());
      progress.restore(file, json.requireObject("progress"));
      if (progress.step() > totalSteps) {
        throw new CheckpointException(
            String.format(
                Locale.ROOT,
                "%s: is at step %d, but the run ends at step %d",
                file,
                progress.step(),
                totalSteps));
      }
      FloatTensors.read(weights, model.parameters());
      FloatTensors.read(moments, step.moments());
    }
    step.restoreUpdates(progress.step());
  }

  private static void requireVersion(Path file, JsonObject json) throws CheckpointException {
    String format = json.requireString("format");
    int version = json.requireInt("version");
    if (!format.equals(FORMAT) || version != VERSION) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: is %s version %d, expected %s version %d",
              file,
              format,
              version,
              FORMAT,
              VERSION));
    }
  }

  private void requireSameRun(Path file, JsonObject json) throws CheckpointException {
    List<String> different = new ArrayList<>();
    String before = json.requireString("data");
    if (!before.equals(data)) {
      different.add("data fingerprint was " + before + ", is " + data + " now");
    }
    different.addAll(
        RecordFields.differences("setting", json.requireObject("settings").members(), settings));
    different.addAll(
        RecordFields.differences(
            "model", json.requireObject("model").members(), RecordFields.of(model.config())));
    if (!different.isEmpty()) {
      throw new CheckpointException(
          String.format(
                  Locale.ROOT,
                  "%s: cannot resume, the run was another one: %s; use the same data and settings,"
                      + " or start",
                  file,
                  String.join("; ", different))
              + " a new run from the weights with MambaModel.load");
    }
  }

  /**
   * Finds the checkpoint that a user means: a checkpoint's folder, or the folder that holds {@code
   * last}.
   *
   * @throws CheckpointException if there is none
   */
  static Path find(Path folder) throws IOException {
    Path last = folder.resolve(Checkpoints.LAST);
    for (Path candidate : List.of(folder, last)) {
      AtomicFiles.recoverDirectory(candidate);
      if (Files.isRegularFile(candidate.resolve(PROGRESS))) {
        return candidate;
      }
    }
    throw new CheckpointException(
        String.format(
            Locale.ROOT,
            "%s: holds no %s, expected a checkpoint's folder or one that contains '%s'",
            folder,
            PROGRESS,
            Checkpoints.LAST));
  }
}
