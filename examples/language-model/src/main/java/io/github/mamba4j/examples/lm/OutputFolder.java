package io.github.mamba4j.examples.lm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Checks of folders that are written to, made before any work is done. */
final class OutputFolder {
  private OutputFolder() {}

  /**
   * Refuses a folder that cannot be made or written to; makes nothing.
   *
   * @param option what the user named it with
   * @param folder the folder
   * @throws BadInputException if it is a file, or it or the folder to make it in cannot be written
   */
  static void requireWritable(String option, Path folder) {
    Path nearest = nearestExisting(folder);
    if (nearest == null) {
      throw new BadInputException(
          String.format(Locale.ROOT, "%s %s: is on no known file system", option, folder));
    }
    if (!Files.isDirectory(nearest)) {
      throw new BadInputException(
          String.format(
              Locale.ROOT, "%s %s: %s is a file; name another folder", option, folder, nearest));
    }
    if (!Files.isWritable(nearest)) {
      throw new BadInputException(
          String.format(
              Locale.ROOT,
              "%s %s: no permission to write to %s; name another folder",
              option,
              folder,
              nearest));
    }
  }

  /** Returns the folder itself or the nearest one above it that exists. */
  static @Nullable Path nearestExisting(Path folder) {
    Path nearest = folder.toAbsolutePath().normalize();
    while (nearest != null && !Files.exists(nearest)) {
      nearest = nearest.getParent();
    }
    return nearest;
  }

  /** Returns whether a folder does not exist or holds nothing. */
  static boolean isEmpty(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return true;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }
}
