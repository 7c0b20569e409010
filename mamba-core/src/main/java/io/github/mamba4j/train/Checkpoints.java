package io.github.mamba4j.train;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoints of a run in one folder: {@code last}, {@code best}, and the newest few {@code
 * step-N}. What is due and could not be written stays due.
 */
final class Checkpoints {
  static final String LAST = "last";
  static final String BEST = "best";

  private static final Pattern NUMBERED = Pattern.compile("step-[0-9]{9,18}");

  private final @Nullable Path directory;
  private final int keep;
  private final TrainingState state;
  private boolean bestDue;
  private boolean lastDue;
  private long lastStep = -1;
  private @Nullable Path newest;

  /**
   * Makes the policy.
   *
   * @param directory where the checkpoints go, null for none
   * @param keep how many {@code step-N} stay beside {@code last} and {@code best}
   * @param state what is written
   */
  Checkpoints(@Nullable Path directory, int keep, TrainingState state) {
    this.directory = directory;
    this.keep = keep;
    this.state = state;
  }

  /** Returns the newest checkpoint's folder. */
  Optional<Path> newest() {
    return Optional.ofNullable(newest);
  }

  /** Takes note of the checkpoint that the run was resumed from. */
  void resumedFrom(Path folder) {
    newest = folder;
    if (directory != null && folder.equals(directory.resolve(LAST))) {
      lastStep = state.progress().step();
    }
  }

  void bestIsDue() {
    bestDue = true;
  }

  void lastIsDue() {
    lastDue = lastStep != state.progress().step();
  }

  /** Makes the folder before the first step, so that a wrong path costs no training time. */
  void prepare() throws IOException {
    if (directory == null) {
      return;
    }
    try {
      Files.createDirectories(directory);
      if (!Files.isWritable(directory)) {
        throw new AccessDeniedException(directory.toString());
      }
    } catch (IOException e) {
      throw new IOException(
          String.format(
              Locale.ROOT,
              "Trainer: checkpoint folder %s cannot be written (%s); choose another folder",
              directory,
              reason(e)),
          e);
    }
  }

  /** Writes what is due. */
  void writeDue(Consumer<TrainingListener.Checkpoint> written) throws IOException {
    Path folder = directory;
    if (folder == null || !(bestDue || lastDue)) {
      return;
    }
    requireFinite();
    if (bestDue) {
      write(folder.resolve(BEST), written);
      bestDue = false;
    }
    if (lastDue) {
      if (keep > 0) {
        write(
            folder.resolve(String.format(Locale.ROOT, "step-%09d", state.progress().step())),
            written);
        dropOld(folder);
      }
      write(folder.resolve(LAST), written);
      lastStep = state.progress().step();
      lastDue = false;
    }
  }

  /** Writes the state to a folder of the user's. */
  void writeTo(Path folder) throws IOException {
    requireFinite();
    write(folder, checkpoint -> {});
  }

  private void write(Path target, Consumer<TrainingListener.Checkpoint> written)
      throws IOException {
    long step = state.progress().step();
    try {
      state.write(target);
    } catch (IOException e) {
      throw new IOException(
          String.format(
              Locale.ROOT,
              "Trainer: checkpoint of step %d could not be written to %s (%s); what was there is"
                  + " unchanged and the run is still in memory: make room and call fit() again to"
                  + " go on, or save(...) elsewhere",
              step,
              target,
              reason(e)),
          e);
    }
    newest = target;
    written.accept(new TrainingListener.Checkpoint(target, step));
  }

  private void requireFinite() {
    Optional<String> broken = state.firstNotFinite();
    if (broken.isPresent()) {
      TrainingProgress progress = state.progress();
      throw new TrainingException(
          String.format(
              Locale.ROOT,
              "Trainer: %s is not finite after step %d (loss %s); nothing was written, %s",
              broken.get(),
              progress.step(),
              progress.lastLoss(),
              lastGood()),
          progress.step(),
          progress.lastLoss(),
          newest);
    }
  }

  /** Names the last good checkpoint for a message. */
  String lastGood() {
    return "last good checkpoint: " + (newest == null ? "none" : newest);
  }

  /** Deletes all numbered checkpoints but the newest few; those of later steps are not ours. */
  private void dropOld(Path folder) throws IOException {
    List<Path> numbered = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      files
          .filter(file -> NUMBERED.matcher(file.getFileName().toString()).matches())
          .filter(file -> stepOf(file) <= state.progress().step())
          .sorted(Comparator.comparingLong(Checkpoints::stepOf))
          .forEach(numbered::add);
    }
    for (Path old : numbered.subList(0, Math.max(0, numbered.size() - keep))) {
      AtomicFiles.deleteTree(old);
    }
  }

  private static long stepOf(Path numbered) {
    return Long.parseLong(numbered.getFileName().toString().substring("step-".length()));
  }

  /** Puts into words what some exceptions say by their class alone. */
  private static String reason(IOException e) {
    if (e instanceof AccessDeniedException denied) {
      return "no permission for " + denied.getFile();
    }
    if (e instanceof FileAlreadyExistsException exists) {
      return exists.getFile() + " is a file";
    }
    if (e instanceof FileSystemException other && other.getReason() != null) {
      return other.getFile() + ": " + other.getReason();
    }
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
