package io.github.mamba4j.data.tokenizer;

import java.io.IOException;
import java.util.function.Consumer;

/**
 * Texts that a tokenizer is trained on, handed over one after the other so that they need not fit
 * into memory.
 *
 * <p>A list is one ({@code texts::forEach}), and so is a corpus: {@code sink -> corpus.forEach(
 * document -> sink.accept(document.text()))}.
 */
@FunctionalInterface
public interface TextSource {

  /**
   * Hands every text to the consumer, on the calling thread.
   *
   * @param consumer takes each text
   * @throws IOException if a text cannot be read
   */
  void forEach(Consumer<String> consumer) throws IOException;
}
