package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.GgufMetadata;
import io.github.mamba4j.checkpoint.GgufType;
import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.data.DataException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The tokenizer of a GGUF file: from its metadata, and into it. */
public final class GgufTokenizers {
  private static final String PREFIX = "tokenizer.ggml.";

  private GgufTokenizers() {}

  /**
   * Reads the vocabulary of a file.
   *
   * @param file the open file
   * @return its values, copied, or empty if the file has no tokenizer
   * @throws CheckpointException if a value is missing or of another type
   */
  public static Optional<GgufVocabulary> read(GgufFile file) throws CheckpointException {
    GgufMetadata values = file.keyValues();
    if (!values.has(PREFIX + "model")) {
      return Optional.empty();
    }
    return Optional.of(
        new GgufVocabulary(
            file.path().toString(),
            values.requireString(PREFIX + "model"),
            values.has(PREFIX + "pre") ? values.requireString(PREFIX + "pre") : null,
            values.requireStrings(PREFIX + "tokens"),
            types(values),
            values.has(PREFIX + "merges") ? values.requireStrings(PREFIX + "merges") : List.of(),
            values.intOr(PREFIX + "bos_token_id", -1),
            values.intOr(PREFIX + "eos_token_id", -1),
            flag(values, PREFIX + "add_bos_token"),
            flag(values, PREFIX + "add_eos_token")));
  }

  private static @Nullable List<Integer> types(GgufMetadata values) throws CheckpointException {
    if (!values.has(PREFIX + "token_type")) {
      return null;
    }
    long[] types = values.requireLongs(PREFIX + "token_type");
    return Arrays.stream(types).mapToObj(type -> Math.clamp(type, -1, 7)).toList();
  }

  private static @Nullable Boolean flag(GgufMetadata values, String key)
      throws CheckpointException {
    return values.has(key) ? (Boolean) values.booleanOr(key, false) : null;
  }

  /**
   * Puts a tokenizer into a file that is being written.
   *
   * @param tokenizer the tokenizer
   * @param rows rows of the embedding table; ids beyond the vocabulary become unused tokens
   * @param writer the file
   * @throws DataException if GGUF cannot express the tokenizer; the message says what it lacks
   */
  public static void write(Tokenizer tokenizer, int rows, GgufWriter writer) throws DataException {
    if (!(tokenizer instanceof BpeTokenizer bpe)) {
      throw new DataException(
          "GGUF has no tokenizer such as "
              + tokenizer.getClass().getSimpleName()
              + ", only byte-level BPE");
    }
    GgufVocabulary vocabulary = VocabularyOfBpe.of(bpe, rows);
    writer.put(PREFIX + "model", GgufType.STRING, vocabulary.model());
    writer.put(PREFIX + "pre", GgufType.STRING, String.valueOf(vocabulary.pre()));
    writer.putArray(PREFIX + "tokens", GgufType.STRING, vocabulary.tokens());
    List<Integer> types = vocabulary.tokenTypes();
    if (types != null) {
      writer.putArray(PREFIX + "token_type", GgufType.INT32, types);
    }
    writer.putArray(PREFIX + "merges", GgufType.STRING, vocabulary.merges());
    if (vocabulary.eosId() >= 0) {
      writer.put(PREFIX + "bos_token_id", GgufType.UINT32, (long) vocabulary.bosId());
      writer.put(PREFIX + "eos_token_id", GgufType.UINT32, (long) vocabulary.eosId());
    }
    writer.put(PREFIX + "add_bos_token", GgufType.BOOL, false);
  }
}
