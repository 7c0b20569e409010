package io.github.mamba4j.data.corpus;

import java.util.EnumMap;
import java.util.Map;

/**
 * Counts of texts, characters and tokens, for each language. Not safe for use by several threads.
 */
public final class LanguageStatistics {

  /**
   * The counts of one language.
   *
   * @param texts documents
   * @param characters Unicode code points
   * @param tokens tokens of the tokenizer, without those that end a document; 0 if the text was
   *     counted before it was encoded
   */
  public record Counts(long texts, long characters, long tokens) {

    private static final Counts NONE = new Counts(0, 0, 0);

    private Counts plus(Counts other) {
      return new Counts(texts + other.texts, characters + other.characters, tokens + other.tokens);
    }
  }

  private final Map<Language, Counts> counts = new EnumMap<>(Language.class);

  /** Starts with nothing counted. */
  public LanguageStatistics() {
    for (Language language : Language.values()) {
      counts.put(language, Counts.NONE);
    }
  }

  /**
   * Counts a document.
   *
   * @param document the document
   * @param tokens how many tokens it has, not negative; 0 if that is not known
   */
  public void add(Document document, long tokens) {
    String text = document.text();
    add(document.language(), text.codePointCount(0, text.length()), tokens);
  }

  /**
   * Counts a document by its numbers.
   *
   * @param language its language
   * @param characters its code points
   * @param tokens its tokens, 0 if that is not known
   */
  public void add(Language language, long characters, long tokens) {
    counts.merge(language, new Counts(1, characters, tokens), Counts::plus);
  }

  /**
   * The counts of a language.
   *
   * @param language the language
   * @return its counts
   */
  public Counts of(Language language) {
    return counts.getOrDefault(language, Counts.NONE);
  }

  /**
   * The counts of all languages together.
   *
   * @return the sums
   */
  public Counts total() {
    return counts.values().stream().reduce(Counts.NONE, Counts::plus);
  }
}
