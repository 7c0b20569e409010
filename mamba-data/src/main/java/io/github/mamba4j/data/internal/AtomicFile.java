package io.github.mamba4j.data.internal;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * A file that appears whole or not at all: written under another name in the same folder, then
 * moved over the target. Closed without {@link #commit}, it leaves the target as it was.
 */
public final class AtomicFile implements AutoCloseable {

  private final Path target;
  private final Path temporary;

  /**
   * Reserves the temporary file.
   *
   * @param target the file to write; its folder has to exist
   * @throws IOException if the folder does not exist or cannot be written
   */
  public AtomicFile(Path target) throws IOException {
    this.target = target;
    Path absolute = target.toAbsolutePath();
    Path folder = absolute.getParent();
    Path name = absolute.getFileName();
    if (folder == null || name == null || !Files.isDirectory(folder)) {
      throw new DataException(
          target + ": cannot be written, its folder does not exist; make the folder first");
    }
    if (Files.isDirectory(absolute)) {
      throw new DataException(target + ": cannot be written, it is a folder; name a file");
    }
    // Not Files.createTempFile: its files are readable by their owner alone.
    this.temporary =
        folder.resolve("." + name + "." + Long.toHexString(System.nanoTime()) + ".tmp");
    try {
      Files.createFile(temporary);
    } catch (IOException e) {
      throw new DataException(target + ": cannot be written (" + reason(e) + ")", e);
    }
  }

  /**
   * The file to write to until {@link #commit}.
   *
   * @return the temporary file, which exists and is empty at first
   */
  public Path temporary() {
    return temporary;
  }

  /**
   * Moves the temporary file over the target.
   *
   * @throws IOException if it cannot be moved
   */
  public void commit() throws IOException {
    try {
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(temporary);
  }

  /**
   * Says in a few words why a file operation failed.
   *
   * @param e the failure
   * @return the reason, one line without the path
   */
  public static String reason(IOException e) {
    return switch (e) {
      case java.nio.file.NoSuchFileException _ -> "no such file";
      case java.nio.file.AccessDeniedException _ -> "access denied";
      case java.nio.file.FileSystemLoopException _ -> "a loop of links";
      case java.nio.file.FileSystemException f when f.getReason() != null -> f.getReason();
      default -> {
        String message = e.getMessage();
        yield message == null ? e.getClass().getSimpleName() : message;
      }
    };
  }
}
