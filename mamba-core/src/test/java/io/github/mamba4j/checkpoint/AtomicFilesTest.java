package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {

  @TempDir Path folder = Path.of("");

  private List<String> names() throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void writeFile_missingParents_areCreated() throws IOException {
    Path file = folder.resolve("a/b/c.txt");

    AtomicFiles.writeString(file, "日本");
    AtomicFiles.writeString(file, "new");

    assertThat(file).hasContent("new");
    try (var files = Files.list(folder.resolve("a/b"))) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void writeFile_bodyFails_oldFileStaysAndNothingIsLeft() throws IOException {
    Path file = folder.resolve("a.txt");
    AtomicFiles.writeString(file, "old");

    assertThatIOException()
        .isThrownBy(() ->
            AtomicFiles.writeFile(
                file,
                out -> {
                  out.write(new byte[1 << 20]);
                  throw new IOException("No space left on device");
                }))
        .withMessage("No space left on device");
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() ->
            AtomicFiles.writeFile(
                folder.resolve("b.txt"),
                out -> {
                  throw new AssertionError("x");
                }));

    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void writeFile_onAFolder_isRefused() throws IOException {
    Files.createDirectory(folder.resolve("d"));

    assertThatIOException()
        .isThrownBy(() -> AtomicFiles.writeString(folder.resolve("d"), "x"))
        .withMessageContaining("is a folder");
    assertThat(names()).containsExactly("d");
  }

  @Test
  void writeFile_throughALink_replacesWhatItPointsTo() throws IOException {
    Path file = folder.resolve("real.txt");
    AtomicFiles.writeString(file, "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("real.txt"));

    AtomicFiles.writeString(link, "new");

    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(file).hasContent("new");
  }

  @Test
  void writeFile_interruptedThread_stillWrites() throws IOException {
    Path file = folder.resolve("a.txt");
    Thread.currentThread().interrupt();
    try {
      AtomicFiles.writeString(file, "saved");
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file).hasContent("saved");
  }

  @Test
  void replaceDirectory_existing_isReplacedAsAWhole() throws IOException {
    Path target = folder.resolve("last");
    AtomicFiles.replaceDirectory(
        target,
        dir -> {
          Files.createDirectory(dir.resolve("sub"));
          Files.writeString(dir.resolve("sub/a"), "1");
          Files.writeString(dir.resolve("gone"), "1");
        });
    AtomicFiles.replaceDirectory(target, dir -> Files.writeString(dir.resolve("b"), "2"));

    assertThat(target.resolve("b")).hasContent("2");
    assertThat(target.resolve("gone")).doesNotExist();
    assertThat(target.resolve("sub")).doesNotExist();
    assertThat(names()).containsExactly("last");
  }

  @Test
  void replaceDirectory_bodyFails_oldFolderStaysAndNothingIsLeft() throws IOException {
    Path target = folder.resolve("last");
    AtomicFiles.replaceDirectory(target, dir -> Files.writeString(dir.resolve("a"), "1"));

    assertThatIOException()
        .isThrownBy(() ->
            AtomicFiles.replaceDirectory(
                target,
                dir -> {
                  Files.writeString(dir.resolve("a"), "2");
                  throw new IOException("No space left on device");
                }));

    assertThat(target.resolve("a")).hasContent("1");
    assertThat(names()).containsExactly("last");
  }

  @Test
  void replaceDirectory_onAFile_isRefused() throws IOException {
    Files.writeString(folder.resolve("f"), "x");

    assertThatIOException()
        .isThrownBy(() -> AtomicFiles.replaceDirectory(folder.resolve("f"), dir -> {}))
        .withMessageContaining("is a file");
    assertThat(folder.resolve("f")).hasContent("x");
  }

  @Test
  void recoverDirectory_killedBetweenTheRenames_putsTheOldFolderBack() throws IOException {
    Path target = folder.resolve("last");
    Path aside = Files.createDirectory(folder.resolve(".last.old"));
    Files.writeString(aside.resolve("a"), "1");

    assertThat(AtomicFiles.recoverDirectory(target)).isTrue();

    assertThat(target.resolve("a")).hasContent("1");
    assertThat(names()).containsExactly("last");
    assertThat(AtomicFiles.recoverDirectory(target)).isFalse();
  }

  @Test
  void recoverDirectory_killedBeforeTheCleanUp_keepsTheNewFolder() throws IOException {
    Path target = Files.createDirectory(folder.resolve("last"));
    Files.writeString(target.resolve("a"), "2");
    Path aside = Files.createDirectory(folder.resolve(".last.old"));
    Files.writeString(aside.resolve("a"), "1");

    assertThat(AtomicFiles.recoverDirectory(target)).isFalse();

    assertThat(target.resolve("a")).hasContent("2");
    assertThat(names()).containsExactly("last");
  }

  @Test
  void deleteTree_linkInside_doesNotFollowIt() throws IOException {
    Path outside = folder.resolve("keep");
    AtomicFiles.writeString(outside.resolve("a"), "1");
    Path tree = Files.createDirectory(folder.resolve("tree"));
    Files.createSymbolicLink(tree.resolve("link"), outside);

    AtomicFiles.deleteTree(tree);
    AtomicFiles.deleteTree(tree);

    assertThat(outside.resolve("a")).exists();
    assertThat(names()).containsExactly("keep");
  }
}
