package io.github.mamba4j.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenFileTest {

  @TempDir private Path folder;

  private Path write(String name, int vocabSize, int endOfTextId, int[]... documents)
      throws IOException {
    Path path = folder.resolve(name);
    try (TokenFileWriter writer = new TokenFileWriter(path, vocabSize, endOfTextId)) {
      for (int[] document : documents) {
        writer.addDocument(document);
      }
      writer.commit();
    }
    return path;
  }

  private static int[] all(TokenFile file) {
    int[] tokens = new int[(int) file.tokenCount()];
    file.read(0, tokens, 0, tokens.length);
    return tokens;
  }

  @ParameterizedTest
  @ValueSource(ints = {300, 65_536, 65_537, 3_000_000})
  void read_whatWasWritten_isTheSame(int vocabSize) throws IOException {
    Random random = new Random(vocabSize);
    int[][] documents = new int[7][];
    int tokens = 0;
    for (int i = 0; i < documents.length; i++) {
      documents[i] = random.ints(i == 3 ? 800_001 : i * 5, 0, vocabSize).toArray();
      tokens += documents[i].length + 1;
    }
    documents[6][0] = vocabSize - 1;
    try (TokenFile file = TokenFile.open(write("a.tok", vocabSize, 7, documents))) {
      assertThat(file.vocabSize()).isEqualTo(vocabSize);
      assertThat(file.endOfTextId()).isEqualTo(7);
      assertThat(file.tokenCount()).isEqualTo(tokens);
      assertThat(file.documentCount()).isEqualTo(7);
      int[] all = all(file);
      for (int i = 0; i < documents.length; i++) {
        int from = (int) file.documentStart(i);
        int to = (int) file.documentStart(i + 1);
        assertThat(Arrays.copyOfRange(all, from, to - 1)).isEqualTo(documents[i]);
        assertThat(all[to - 1]).isEqualTo(7);
      }
      file.verify();
    }
  }

  @Test
  void read_partOfTheFile_fillsPartOfTheTarget() throws IOException {
    try (TokenFile file =
        TokenFile.open(write("a.tok", 100, -1, new int[] {1, 2, 3}, new int[] {4}))) {
      int[] target = {9, 9, 9, 9};
      file.read(1, target, 1, 2);
      assertThat(target).containsExactly(9, 2, 3, 9);
      assertThat(all(file)).containsExactly(1, 2, 3, 4);
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> file.read(3, target, 0, 2));
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> file.documentStart(3))
          .withMessage("TokenFile.documentStart: document is 3, expected 0 to 2");
    }
  }

  @Test
  void write_sameContent_givesTheSameBytes() throws IOException {
    Path one = write("a.tok", 100, 0, new int[] {1, 2, 3});
    Path two = write("b.tok", 100, 0, new int[] {1, 2, 3});
    assertThat(one).hasSameBinaryContentAs(two);
    try (TokenFile a = TokenFile.open(one);
        TokenFile b = TokenFile.open(write("c.tok", 100, 0, new int[] {1, 2, 4}))) {
      assertThat(a.sha256()).hasSize(64).isNotEqualTo(b.sha256());
    }
  }

  @Test
  void write_withoutCommit_leavesTheOldFile() throws IOException {
    Path path = write("a.tok", 100, 0, new int[] {1, 2, 3});
    byte[] before = Files.readAllBytes(path);
    try (TokenFileWriter writer = new TokenFileWriter(path, 100, 0)) {
      writer.addDocument(new int[] {5});
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
    assertThat(folder.toFile().list()).containsExactly("a.tok");
  }

  @Test
  void write_badArguments_areRefused() throws IOException {
    Path path = folder.resolve("a.tok");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TokenFileWriter(path, 0, -1))
        .withMessage("TokenFileWriter: vocabSize is 0, expected 1 or more");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TokenFileWriter(path, 10, 10))
        .withMessage("TokenFileWriter: endOfTextId is 10, expected -1 (none) to 9");
    try (TokenFileWriter writer = new TokenFileWriter(path, 10, 0)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> writer.addDocument(new int[] {1, 10}))
          .withMessage("TokenFileWriter.addDocument: ids[1] is 10, expected 0 to 9");
      assertThat(writer.tokenCount()).isZero();
      writer.commit();
      assertThatIllegalStateException().isThrownBy(writer::commit);
    }
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> new TokenFileWriter(folder, 10, 0))
        .withMessageContaining(folder + " is a folder, expected a file to write");
  }

  @Test
  void open_whatIsNoTokenFile_isRefused() throws IOException {
    assertRefused(new byte[0], "has 0 bytes, expected a token file with a header of 128");
    assertRefused(new byte[200], "is not a token file");
    byte[] whole = Files.readAllBytes(write("good.tok", 300, 0, new int[] {1, 2, 3}));
    assertRefused(changed(whole, 8, 9), "has version 9, expected 1");
    assertRefused(changed(whole, 12, 4), "the header is damaged");
    assertRefused(changed(whole, 20, 99), "");
    assertRefused(changed(whole, 31, 0x80), "the header is damaged");
    assertRefused(changed(whole, 24, 90), "expected");
    assertRefused(Arrays.copyOf(whole, whole.length - 1), "bytes, expected 144 for 4 tokens");
    assertRefused(Arrays.copyOf(whole, whole.length + 8), "bytes, expected 144 for 4 tokens");
    assertRefused(changed(whole, 136, 77), "document 0 starts at token 77, expected 0 to 0");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> TokenFile.open(folder.resolve("none.tok")))
        .withMessage(folder.resolve("none.tok") + ": cannot be read (no such file)");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> TokenFile.open(folder))
        .withMessage(folder + ": is a folder, expected a token file");
  }

  private static byte[] changed(byte[] bytes, int at, int value) {
    byte[] copy = bytes.clone();
    copy[at] = (byte) value;
    return copy;
  }

  private void assertRefused(byte[] content, String message) throws IOException {
    Path path = folder.resolve("bad.tok");
    Files.write(path, content);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> {
          try (TokenFile file = TokenFile.open(path)) {
            file.verify();
          }
        })
        .withMessageStartingWith(path + ": ")
        .withMessageContaining(message);
  }

  @Test
  void verify_anyByteChanged_isRefused() throws IOException {
    byte[] whole =
        Files.readAllBytes(write("good.tok", 300, 0, new int[] {1, 2, 3}, new int[] {4, 5}));
    for (int at = 0; at < whole.length; at++) {
      // The zeros between the hash and the tokens mean nothing.
      if (at < 72 || at >= 128) {
        assertRefused(changed(whole, at, whole[at] ^ 1), "");
      }
    }
  }

  @Test
  void read_tokenOutsideTheVocabulary_isRefused() throws IOException {
    for (int vocabSize : new int[] {300, 70_000}) {
      Path path = write("a.tok", vocabSize, 0, new int[] {1, 2, 3});
      byte[] bytes = Files.readAllBytes(path);
      bytes[128 + (vocabSize == 300 ? 3 : 7)] = (byte) 0xFF;
      Files.write(path, bytes);
      try (TokenFile file = TokenFile.open(path)) {
        assertThatIllegalStateException()
            .isThrownBy(() -> all(file))
            .withMessageContaining("is outside the vocabulary of " + vocabSize);
      }
    }
  }

  @Test
  void close_thenRead_throws() throws IOException {
    TokenFile file = TokenFile.open(write("a.tok", 100, 0, new int[] {1, 2, 3}));
    file.close();
    file.close();
    assertThatIllegalStateException().isThrownBy(() -> all(file));
  }
}
