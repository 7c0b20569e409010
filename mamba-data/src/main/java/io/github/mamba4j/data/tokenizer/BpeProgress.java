package io.github.mamba4j.data.tokenizer;

/**
 * How far the training of a BPE is.
 *
 * @param phase what is being done
 * @param done characters counted, or tokens known, so far
 * @param total tokens wanted, or -1 while counting, as the end of the text is not known
 */
public record BpeProgress(Phase phase, long done, long total) {

  /** What the trainer is doing. */
  public enum Phase {
    /** Reading the texts and counting their pieces. */
    COUNTING,
    /** Learning merges from the counts. */
    MERGING
  }
}
