package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.generate.TokenText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Text to token ids and back.
 *
 * <p>Tokenizers are immutable and safe for use by several threads.
 */
public interface Tokenizer extends TokenText {

  /** The literal text of the token that ends a document. */
  String END_OF_TEXT = "<|endoftext|>";

  /**
   * Encodes text in which the literal text of a special token stands for that token.
   *
   * @param text well-formed text
   * @return the token ids
   * @throws IllegalArgumentException if the text holds an unpaired surrogate
   */
  int[] encode(String text);

  /**
   * Encodes text in which nothing is special: what looks like a special token is text as well.
   * Right for text of others, which must not end a document by writing so.
   *
   * @param text well-formed text
   * @return the token ids
   * @throws IllegalArgumentException if the text holds an unpaired surrogate
   */
  int[] encodeOrdinary(String text);

  /**
   * Decodes token ids; special tokens give their literal text, bytes that are not UTF-8 (a cut
   * character at either end) give U+FFFD.
   *
   * @param tokenIds the tokens, each 0 to {@code vocabSize() - 1}
   * @return the text
   * @throws IllegalArgumentException if an id is outside the vocabulary
   */
  String decode(int[] tokenIds);

  /**
   * The special tokens: literal text to id.
   *
   * @return an unmodifiable map, in the order of the ids
   */
  Map<String, Integer> specialTokens();

  /**
   * The id of {@link #END_OF_TEXT}.
   *
   * @return the id, or -1 if the vocabulary has no such special token
   */
  default int endOfTextId() {
    return specialTokens().getOrDefault(END_OF_TEXT, -1);
  }

  /**
   * Writes the tokenizer to one JSON file, which appears whole or not at all.
   *
   * @param file the file, replaced if there is one
   * @throws IOException if it cannot be written
   */
  void save(Path file) throws IOException;

  /**
   * Reads a tokenizer that {@link #save} wrote, or a byte-level BPE in Hugging Face's {@code
   * tokenizer.json} form.
   *
   * @param file the file
   * @return the tokenizer
   * @throws io.github.mamba4j.data.DataException if the file cannot be read, is broken, or asks for
   *     something that is not supported; the message names it
   * @throws IOException if reading fails otherwise
   */
  static Tokenizer load(Path file) throws IOException {
    return TokenizerFiles.load(file);
  }
}
