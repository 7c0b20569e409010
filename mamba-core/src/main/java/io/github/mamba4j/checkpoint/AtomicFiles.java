package io.github.mamba4j.checkpoint;

import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Replaces files and folders so that a reader, a crash or a full disk never meets half of one:
 * write beside, force to the device, then rename.
 *
 * <p>A failure removes what was begun and leaves the old content untouched. Only a killed process
 * leaves its hidden {@code .name.….tmp} sibling behind. Writing goes through streams that a thread
 * interrupt does not close, so that a cancelled training thread can still save.
 *
 * <p>A target that is a symbolic link stays one: the file or folder it points to is replaced.
 */
public final class AtomicFiles {

  /** Bytes collected before they are handed to the operating system. */
  private static final int BUFFER_BYTES = 1 << 16;

  private AtomicFiles() {}

  /** Writes the whole content of a new file. */
  @FunctionalInterface
  public interface FileBody {
    /**
     * Writes the content.
     *
     * @param out the new file, buffered; closed by the caller
     * @throws IOException if writing fails; the new file is then removed
     */
    void writeTo(OutputStream out) throws IOException;
  }

  /** Fills a new folder. */
  @FunctionalInterface
  public interface DirectoryBody {
    /**
     * Creates the files of the folder.
     *
     * @param directory the new, empty folder; it is renamed afterwards, so its path must not be
     *     kept
     * @throws IOException if writing fails; the new folder is then removed
     */
    void writeTo(Path directory) throws IOException;
  }

  /**
   * Creates or replaces a file. Missing parent folders are created.
   *
   * @param target the file
   * @param body writes the content
   * @throws IOException if the target is a folder or anything fails; the old file is then unchanged
   */
  public static void writeFile(Path target, FileBody body) throws IOException {
    Path file = resolveLink(target);
    if (Files.isDirectory(file)) {
      throw new IOException("AtomicFiles: " + target + " is a folder, expected a file to write");
    }
    Path parent = parentOf(file);
    Files.createDirectories(parent);
    Path temporary = createBeside(file, false);
    boolean moved = false;
    try {
      try (FileOutputStream raw = new FileOutputStream(temporary.toFile());
          OutputStream out = new BufferedOutputStream(raw, BUFFER_BYTES)) {
        body.writeTo(out);
        out.flush();
        raw.getFD().sync();
      }
      moveOver(temporary, file);
      moved = true;
    } finally {
      if (!moved) {
        Files.deleteIfExists(temporary);
      }
    }
    syncDirectory(parent);
  }

  /**
   * A new file that takes the place of its target when it is committed. Closed without that, it is
   * removed and the target is as it was.
   */
  public static final class PendingFile implements AutoCloseable {

    private final Path target;
    private final Path temporary;

    private PendingFile(Path target, Path temporary) {
      this.target = target;
      this.temporary = temporary;
    }

    /**
     * Where to write.
     *
     * @return the new file, which exists and is empty at first
     */
    public Path path() {
      return temporary;
    }

    /**
     * Forces the new file to the device and moves it over the target. Nobody may write to it any
     * more.
     *
     * @throws IOException if that fails; the target is then unchanged
     */
    public void commit() throws IOException {
      syncFile(temporary);
      moveOver(temporary, target);
      syncDirectory(parentOf(target));
    }

    @Override
    public void close() throws IOException {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Begins to create or replace a file that is written step by step, at any place in it; {@link
   * #writeFile} is simpler where one call writes all. Missing parent folders are created.
   *
   * @param target the file
   * @return the new file, to be committed and closed
   * @throws IOException if the target is a folder or anything fails
   */
  public static PendingFile begin(Path target) throws IOException {
    Path file = resolveLink(target);
    if (Files.isDirectory(file)) {
      throw new IOException("AtomicFiles: " + target + " is a folder, expected a file to write");
    }
    Files.createDirectories(parentOf(file));
    return new PendingFile(file, createBeside(file, false));
  }

  /**
   * Creates or replaces a text file in UTF-8.
   *
   * @param target the file
   * @param text the content
   * @throws IOException as {@link #writeFile}
   */
  public static void writeString(Path target, String text) throws IOException {
    writeFile(target, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Creates or replaces a folder as a whole; files of the old folder that the new one lacks are
   * gone afterwards. Missing parent folders are created.
   *
   * <p>No file system call replaces a folder in one step, so the old one is first renamed to {@code
   * .name.old}. A process killed between the two renames leaves exactly that; {@link
   * #recoverDirectory} (which this method calls first) undoes it.
   *
   * @param target the folder
   * @param body fills the new folder
   * @throws IOException if the target is a file or anything fails; the old folder is then in place
   *     and unchanged
   */
  public static void replaceDirectory(Path target, DirectoryBody body) throws IOException {
    Path directory = resolveLink(target);
    if (Files.exists(directory) && !Files.isDirectory(directory)) {
      throw new IOException("AtomicFiles: " + target + " is a file, expected a folder to replace");
    }
    Path parent = parentOf(directory);
    Files.createDirectories(parent);
    recoverDirectory(directory);
    Path temporary = createBeside(directory, true);
    boolean moved = false;
    try {
      body.writeTo(temporary);
      syncTree(temporary);
      swapIn(temporary, directory);
      moved = true;
    } finally {
      if (!moved) {
        deleteTree(temporary);
      }
    }
    syncDirectory(parent);
    try {
      deleteTree(oldOf(directory));
    } catch (IOException left) {
      // The new folder is complete and in place; the next call or recoverDirectory removes the
      // rest.
      return;
    }
  }

  /**
   * Puts a folder back that a killed {@link #replaceDirectory} had set aside, and removes a set
   * aside folder whose successor is in place. Call it before reading a folder that is written this
   * way.
   *
   * @param target the folder, existing or not
   * @return true if the folder had been missing and is back
   * @throws IOException if renaming or deleting fails
   */
  public static boolean recoverDirectory(Path target) throws IOException {
    Path directory = resolveLink(target);
    Path old = oldOf(directory);
    if (!Files.isDirectory(old, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (Files.exists(directory)) {
      deleteTree(old);
      return false;
    }
    Files.move(old, directory, StandardCopyOption.ATOMIC_MOVE);
    return true;
  }

  /**
   * Deletes a file or a folder with all it holds, without following links out of it; nothing
   * happens where nothing exists.
   *
   * @param root the file or folder
   * @throws IOException if something cannot be deleted
   */
  public static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void swapIn(Path fresh, Path directory) throws IOException {
    if (!Files.exists(directory)) {
      Files.move(fresh, directory, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Path old = oldOf(directory);
    Files.move(directory, old, StandardCopyOption.ATOMIC_MOVE);
    try {
      Files.move(fresh, directory, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.move(old, directory, StandardCopyOption.ATOMIC_MOVE);
      throw e;
    }
  }

  private static void moveOver(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path resolveLink(Path target) throws IOException {
    if (Files.isSymbolicLink(target)) {
      try {
        return target.toRealPath();
      } catch (NoSuchFileException e) {
        throw new IOException(
            "AtomicFiles: " + target + " is a link to a missing file, expected an existing one", e);
      }
    }
    return target.toAbsolutePath().normalize();
  }

  private static Path parentOf(Path target) throws IOException {
    Path parent = target.getParent();
    if (parent == null) {
      throw new IOException("AtomicFiles: " + target + " cannot be replaced, it has no parent");
    }
    return parent;
  }

  private static Path oldOf(Path target) {
    return target.resolveSibling("." + target.getFileName() + ".old");
  }

  /** Not {@code Files.createTempFile}: that one hides the file from group and others for good. */
  private static Path createBeside(Path target, boolean directory) throws IOException {
    long unique = ProcessHandle.current().pid() << 40 ^ System.nanoTime();
    while (true) {
      String name = "." + target.getFileName() + "." + Long.toHexString(unique) + ".tmp";
      Path beside = target.resolveSibling(name);
      try {
        return directory ? Files.createDirectory(beside) : Files.createFile(beside);
      } catch (FileAlreadyExistsException taken) {
        unique++;
      }
    }
  }

  private static void syncTree(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (attributes.isRegularFile()) {
              syncFile(file);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            syncDirectory(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void syncFile(Path file) throws IOException {
    try (FileOutputStream out = new FileOutputStream(file.toFile(), true)) {
      out.getFD().sync();
    }
  }

  /** Makes a rename durable; some systems cannot open folders and need no such step. */
  private static void syncDirectory(Path directory) {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException unsupported) {
      // The rename itself has happened; only its survival of a power cut is less certain here.
      return;
    }
  }
}
