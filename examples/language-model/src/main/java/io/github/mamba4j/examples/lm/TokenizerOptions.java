package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.tokenizer.BpeTrainer;
import io.github.mamba4j.data.tokenizer.ByteTokenizer;
import io.github.mamba4j.data.tokenizer.CharTokenizer;
import io.github.mamba4j.data.tokenizer.TextSource;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How text becomes tokens. */
final class TokenizerOptions {
  private static final int DEFAULT_VOCAB_SIZE = 4096;

  /** The kinds of tokenizers. */
  enum Kind {
    /** One token a byte. */
    BYTE,
    /** One token a character. */
    CHAR,
    /** Learned pieces of bytes. */
    BPE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--tokenizer",
      paramLabel = "KIND",
      defaultValue = "byte",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Kind kind;

  @Option(
      names = "--vocab-size",
      paramLabel = "N",
      description = "Most tokens of a char or bpe tokenizer (default: " + DEFAULT_VOCAB_SIZE + ").")
  private @Nullable Integer vocabSize;

  Kind kind() {
    return kind;
  }

  /** Refuses contradictions before any text is read. */
  void check() {
    if (vocabSize != null && kind == Kind.BYTE) {
      throw new BadInputException(
          "--vocab-size is for --tokenizer char or bpe; the byte tokenizer always has 257 tokens");
    }
    int least = kind == Kind.BPE ? 257 : 3;
    if (vocabSize != null && vocabSize < least) {
      throw new BadInputException(
          String.format(
              Locale.ROOT,
              "--vocab-size must be at least %d for --tokenizer %s, got %d",
              least,
              kind,
              vocabSize));
    }
  }

  Tokenizer train(TextSource texts, int threads) throws IOException {
    int size = vocabSize == null ? DEFAULT_VOCAB_SIZE : vocabSize;
    return switch (kind) {
      case BYTE -> new ByteTokenizer();
      case CHAR -> CharTokenizer.train(texts, size, 1);
      case BPE -> BpeTrainer.builder().vocabSize(size).threads(threads).build().train(texts);
    };
  }
}
