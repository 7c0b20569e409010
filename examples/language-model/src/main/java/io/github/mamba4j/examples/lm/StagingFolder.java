package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A hidden folder beside the output or a temporary one, for files of this run alone; gone when the
 * run ends.
 */
final class StagingFolder implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(StagingFolder.class.getName());

  private final Path path;
  private final Thread hook;

  private StagingFolder(Path path) {
    this.path = path;
    this.hook = new Thread(this::delete, "mamba-staging");
  }

  /** Makes a folder on the same file system as another one, which need not exist. */
  static StagingFolder beside(Path output) throws IOException {
    Path nearest = OutputFolder.nearestExisting(output);
    if (nearest == null) {
      throw new BadInputException("--output-dir " + output + ": is on no known file system");
    }
    return of(Files.createTempDirectory(nearest, ".mamba-tokens-"));
  }

  /** Makes a folder where the system keeps temporary files. */
  static StagingFolder temporary() throws IOException {
    return of(Files.createTempDirectory("mamba-tokens-"));
  }

  private static StagingFolder of(Path path) {
    StagingFolder folder = new StagingFolder(path);
    Runtime.getRuntime().addShutdownHook(folder.hook);
    return folder;
  }

  Path path() {
    return path;
  }

  private void delete() {
    try {
      AtomicFiles.deleteTree(path);
    } catch (IOException e) {
      LOG.log(Level.WARNING, "{0}: cannot be deleted ({1}); delete it", path, e.getMessage());
    }
  }

  @Override
  public void close() {
    StopSignal.remove(hook);
    delete();
  }
}
