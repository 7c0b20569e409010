package io.github.mamba4j.data.corpus;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Finds the files of a corpus: sorted by their path, each once, hidden ones left out. */
final class FileTree {

  private static final System.Logger LOG = System.getLogger(FileTree.class.getName());

  /** What a file holds, told by the end of its name. */
  enum Kind {
    TEXT,
    PYTHON,
    CSV,
    UNKNOWN;

    static Kind of(Path file) {
      String name = nameOf(file).toLowerCase(Locale.ROOT);
      if (name.endsWith(".txt")) {
        return TEXT;
      }
      if (name.endsWith(".py")) {
        return PYTHON;
      }
      return name.endsWith(".csv") ? CSV : UNKNOWN;
    }
  }

  /**
   * A file of the corpus.
   *
   * @param path where it is
   * @param name its path below the folder it was found in, with {@code /}
   * @param kind what it holds
   */
  record Entry(Path path, String name, Kind kind) {}

  private final Set<Path> seen = new HashSet<>();
  private final List<Entry> entries = new ArrayList<>();

  private FileTree() {}

  /** The files below the roots, root by root. */
  static List<Entry> find(List<Path> roots) throws IOException {
    FileTree tree = new FileTree();
    for (Path root : roots) {
      tree.addRoot(root);
    }
    return tree.entries;
  }

  private static String nameOf(Path path) {
    Path name = path.getFileName();
    return name == null ? "" : name.toString();
  }

  private void addRoot(Path root) throws IOException {
    if (Files.isDirectory(root)) {
      List<Entry> found = new ArrayList<>();
      Files.walkFileTree(
          root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, visitor(root, found));
      found.sort(Comparator.comparing(Entry::name));
      for (Entry entry : found) {
        add(entry);
      }
    } else if (Files.isRegularFile(root)) {
      Kind kind = Kind.of(root);
      // a file that somebody names is meant to be read, as wiki.test.raw
      add(new Entry(root, nameOf(root), kind == Kind.UNKNOWN ? Kind.TEXT : kind));
    } else if (Files.exists(root)) {
      throw new DataException(root + ": is neither a file nor a folder");
    } else {
      throw new DataException(root + ": no such file or folder");
    }
  }

  private void add(Entry entry) throws IOException {
    Path real;
    try {
      real = entry.path().toRealPath();
    } catch (IOException e) {
      throw DataException.cannotRead(entry.path(), e);
    }
    if (seen.add(real)) {
      entries.add(entry);
    } else {
      LOG.log(Level.DEBUG, "{0}: skipped, it was found before under another name", entry.path());
    }
  }

  private static SimpleFileVisitor<Path> visitor(Path root, List<Entry> found) {
    return new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
        boolean hidden = !folder.equals(root) && nameOf(folder).startsWith(".");
        return hidden ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
        Kind kind = Kind.of(file);
        if (kind != Kind.UNKNOWN && !nameOf(file).startsWith(".")) {
          String name = root.relativize(file).toString();
          String separator = file.getFileSystem().getSeparator();
          found.add(new Entry(file, name.replace(separator, "/"), kind));
        }
        return FileVisitResult.CONTINUE;
      }

      @Override
      public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
        if (e instanceof FileSystemLoopException) {
          LOG.log(Level.DEBUG, "{0}: skipped, it links to a folder above it", file);
          return FileVisitResult.CONTINUE;
        }
        throw DataException.cannotRead(file, e);
      }
    };
  }
}
