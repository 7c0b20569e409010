package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An open checkpoint of any format: named arrays in memory-mapped files, and text about them.
 *
 * <p>Opening checks everything that names, shapes and byte ranges can get wrong before the first
 * entry is handed out, and reads no array: it takes milliseconds and a bounded amount of memory
 * whatever the size of the file. A damaged or hostile file ends in one {@link CheckpointException}.
 *
 * <p>Entries may be read from several threads. They become unreadable when the checkpoint is
 * closed. A file must not be cut short by another process while it is open, as with every memory
 * map; files replaced by {@link AtomicFiles} are safe, the map keeps the old content.
 */
public abstract sealed class CheckpointFile implements AutoCloseable
    permits SafetensorsFile, ShardedFile, TorchFile, GgufFile {

  /** More tensors than any model has; a file that declares more is refused. */
  static final int MAX_TENSORS = 100_000;

  private final Path path;
  private final CheckpointFormat format;
  private final Arena arena;
  private final Map<String, TensorEntry> entries;

  CheckpointFile(
      Path path, CheckpointFormat format, Arena arena, Map<String, TensorEntry> entries) {
    this.path = path;
    this.format = format;
    this.arena = arena;
    this.entries = Collections.unmodifiableMap(entries);
  }

  /**
   * Opens a checkpoint of the format that its content shows; see {@link CheckpointFormat#of}.
   *
   * @param path a file, or a folder that holds one checkpoint under a customary name
   * @return the open checkpoint, to be closed by the caller
   * @throws CheckpointException if nothing is there, no known format is recognised, or the file is
   *     damaged
   * @throws IOException if reading or mapping fails
   */
  public static CheckpointFile open(Path path) throws IOException {
    CheckpointFormat.Located found = CheckpointFormat.locate(path);
    return switch (found.format()) {
      case SAFETENSORS -> SafetensorsFile.open(found.file());
      case SHARDED -> ShardedFile.open(found.file());
      case TORCH -> TorchFile.open(found.file());
      case GGUF -> GgufFile.open(found.file());
    };
  }

  /**
   * Where the checkpoint lies.
   *
   * @return the file it was opened with; of a sharded one the index
   */
  public final Path path() {
    return path;
  }

  /**
   * How the checkpoint is stored.
   *
   * @return the format
   */
  public final CheckpointFormat format() {
    return format;
  }

  /**
   * The names of all tensors in the file's order.
   *
   * @return an unmodifiable set
   */
  public final Set<String> names() {
    return entries.keySet();
  }

  /**
   * All tensors in the file's order: that of their bytes, or of their declaration in a pickle.
   *
   * @return an unmodifiable collection
   */
  public final Collection<TensorEntry> entries() {
    return entries.values();
  }

  /**
   * Looks a tensor up.
   *
   * @param name the key in the file
   * @return the entry, or null where the file has no such tensor
   */
  public final @Nullable TensorEntry find(String name) {
    return entries.get(name);
  }

  /**
   * Looks a tensor up that must be there.
   *
   * @param name the key in the file
   * @return the entry
   * @throws CheckpointException if the file has no such tensor
   */
  public final TensorEntry require(String name) throws CheckpointException {
    TensorEntry entry = entries.get(name);
    if (entry == null) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor %s is missing, the file has %d others",
              path,
              CheckpointException.printable(name),
              entries.size()));
    }
    return entry;
  }

  /**
   * What the file says about itself beside its tensors, as text pairs.
   *
   * @return an unmodifiable map, empty where the file says nothing
   */
  public abstract Map<String, String> metadata();

  /** Unmaps the file; every entry's bytes become unreadable. Closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  static void requireRegularFile(Path path, String expected) throws CheckpointException {
    if (!Files.isRegularFile(path)) {
      String found = Files.exists(path) ? "is no regular file" : "does not exist";
      throw new CheckpointException(path + ": " + found + ", expected " + expected);
    }
  }
}
