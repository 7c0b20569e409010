package io.github.mamba4j.data.corpus;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Which documents are for validation: those whose hash, of the seed and of {@link Document#source},
 * falls below the fraction. A document stays on its side when others come, go or move, and the same
 * seed always splits the same way.
 */
public final class DocumentSplit {

  private static final double TWO_TO_53 = 0x1p53;

  private final double validationFraction;
  private final long seed;

  /** A document that is put on one side whatever its hash, so that the side is not empty. */
  private final @Nullable String exception;

  private DocumentSplit(double validationFraction, long seed, @Nullable String exception) {
    this.validationFraction = validationFraction;
    this.seed = seed;
    this.exception = exception;
  }

  /**
   * Makes a split. With few documents chance may leave a side empty; see {@link #fitted}.
   *
   * @param validationFraction the expected share of validation documents, in [0, 1)
   * @param seed selects one of the many splits
   * @return the split
   * @throws IllegalArgumentException if the fraction is out of range
   */
  public static DocumentSplit of(double validationFraction, long seed) {
    if (!(validationFraction >= 0 && validationFraction < 1)) {
      throw new IllegalArgumentException(
          "DocumentSplit: validationFraction is " + validationFraction + ", expected 0 to below 1");
    }
    return new DocumentSplit(validationFraction, seed, null);
  }

  /**
   * Makes the same split without an empty side: if no document of the corpus is for validation, the
   * one of the smallest hash is; if all are, the one of the largest is not. Reads the corpus once.
   * A corpus of a single document is for training, and with a fraction of 0 all are.
   *
   * @param corpus the corpus to split
   * @return the split
   * @throws IOException if the corpus cannot be read
   */
  public DocumentSplit fitted(Corpus corpus) throws IOException {
    if (validationFraction == 0) {
      return this;
    }
    DocumentSplit plain = new DocumentSplit(validationFraction, seed, null);
    Fit fit = new Fit(plain);
    corpus.forEach(document -> fit.see(document.source()));
    return new DocumentSplit(validationFraction, seed, fit.exception());
  }

  /**
   * Whether a document is for validation.
   *
   * @param document the document
   * @return true if it is for validation, false if for training
   */
  public boolean isValidation(Document document) {
    boolean byHash = position(document.source()) < validationFraction;
    return byHash != document.source().equals(exception);
  }

  /** The hash of a source as a number in [0, 1): FNV-1a over UTF-8, then SplitMix64's mixer. */
  private double position(String source) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : source.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
    }
    hash += seed * 0x9E3779B97F4A7C15L;
    hash = (hash ^ (hash >>> 30)) * 0xBF58476D1CE4E5B9L;
    hash = (hash ^ (hash >>> 27)) * 0x94D049BB133111EBL;
    hash ^= hash >>> 31;
    return (hash >>> 11) / TWO_TO_53;
  }

  /** Looks for the documents next to the border while a corpus goes by. */
  private static final class Fit {

    private final DocumentSplit split;
    private long documents;
    private long validation;
    private double lowest = 2;
    private double highest = -1;
    private @Nullable String lowestSource;
    private @Nullable String highestSource;

    Fit(DocumentSplit split) {
      this.split = split;
    }

    void see(String source) {
      double position = split.position(source);
      documents++;
      if (position < split.validationFraction) {
        validation++;
      }
      if (position < lowest) {
        lowest = position;
        lowestSource = source;
      }
      if (position > highest) {
        highest = position;
        highestSource = source;
      }
    }

    @Nullable String exception() {
      if (validation == documents) {
        return highestSource;
      }
      return validation == 0 && documents > 1 ? lowestSource : null;
    }
  }
}
