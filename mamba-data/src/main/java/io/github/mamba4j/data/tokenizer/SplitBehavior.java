package io.github.mamba4j.data.tokenizer;

/**
 * What becomes of the matches of a pattern that cuts a text; between two matches the rest of the
 * text is a piece as well.
 */
enum SplitBehavior {
  REMOVED("Removed"),
  ISOLATED("Isolated"),
  MERGED_WITH_PREVIOUS("MergedWithPrevious"),
  MERGED_WITH_NEXT("MergedWithNext"),
  CONTIGUOUS("Contiguous");

  private final String jsonName;

  SplitBehavior(String jsonName) {
    this.jsonName = jsonName;
  }

  @Override
  public String toString() {
    return jsonName;
  }
}
