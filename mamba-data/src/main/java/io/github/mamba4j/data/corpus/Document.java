package io.github.mamba4j.data.corpus;

import java.util.Objects;

/**
 * One text of a corpus.
 *
 * @param text the text, never empty
 * @param language its language
 * @param source where it comes from: the path of the file relative to the folder it was found in,
 *     with {@code /}; if the file holds several documents, {@code #} and the number of the
 *     document, from 1. It does not change when the folder is moved.
 */
public record Document(String text, Language language, String source) {

  /**
   * Makes a document.
   *
   * @param text the text
   * @param language its language
   * @param source where it comes from
   */
  public Document {
    Objects.requireNonNull(text, "Document: text must not be null");
    Objects.requireNonNull(language, "Document: language must not be null");
    Objects.requireNonNull(source, "Document: source must not be null");
  }
}
