package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.GgufType;
import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tokenizer into a GGUF file and back. */
class GgufTokenizersTest {
  private static final String TEXT = "the cat sat on the mat; def f(x): return 42 東京の空 🐍\n\n  x ";
  @TempDir private Path temp;

  private static BpeTokenizer trained() throws IOException {
    return BpeTrainer.builder().vocabSize(300).build().train(sink -> sink.accept(TEXT.repeat(30)));
  }

  @Test
  void writeAndRead_trainedTokenizer_encodesAndDecodesAlike() throws IOException {
    BpeTokenizer tokenizer = trained();
    Path file = temp.resolve("m.gguf");
    GgufWriter writer = new GgufWriter();
    GgufTokenizers.write(tokenizer, 304, writer);
    writer.write(file);
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufVocabulary vocabulary = GgufTokenizers.read(gguf).orElseThrow();
      assertThat(vocabulary.tokens()).hasSize(304).endsWith("[PAD303]");
      BpeTokenizer read = BpeTokenizer.fromGguf(vocabulary);
      for (String text : new String[] {TEXT, "don't 12345", "naïve\tcafé  ", "<|endoftext|>Hi"}) {
        assertThat(read.encode(text)).isEqualTo(tokenizer.encode(text));
        assertThat(read.decode(read.encode(text))).isEqualTo(text);
      }
    }
  }

  @Test
  void read_fileWithoutTokenizer_isEmpty() throws IOException {
    Path file = temp.resolve("m.gguf");
    new GgufWriter().put("general.architecture", GgufType.STRING, "mamba").write(file);
    try (GgufFile gguf = GgufFile.open(file)) {
      assertThat(GgufTokenizers.read(gguf)).isEmpty();
    }
  }

  @Test
  void write_whatGgufCannotExpress_isRefusedInWords() throws IOException {
    BpeTokenizer tokenizer = trained();
    assertThatThrownBy(() -> GgufTokenizers.write(tokenizer, 299, new GgufWriter()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("has 300 tokens, but the model's embedding only 299 rows");
    assertThatThrownBy(() -> GgufTokenizers.write(new ByteTokenizer(), 300, new GgufWriter()))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("only byte-level BPE");
  }
}
