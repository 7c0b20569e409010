package io.github.mamba4j.spi;

/** Rows of a table by index: token embeddings. */
public interface GatherKernels {
  /**
   * {@code out[i] = table[ids[i]]}.
   *
   * @param count number of ids
   * @param width elements a row
   * @param rows rows of the table; every id is in [0, rows)
   * @param ids contiguous {@link DType#I32}
   * @param table [rows, width]
   * @param out [count, width], overwritten
   */
  record Lookup(int count, int width, int rows, View ids, View table, View out) {}

  /**
   * {@code tableGrad[ids[i]] += outGrad[i]} for every i, in an order that the ids and sizes alone
   * determine. Rows that no id names stay as they are.
   *
   * @param count number of ids
   * @param width elements a row
   * @param rows rows of the table
   * @param ids contiguous {@link DType#I32}
   * @param outGrad [count, width]
   * @param tableGrad [rows, width], added to
   * @param workspace {@link #lookupBackwardWorkspaceFloats} floats of scratch
   */
  record LookupBackward(
      int count, int width, int rows, View ids, View outGrad, View tableGrad, View workspace) {}

  /**
   * Copies rows of a table.
   *
   * @param lookup what to compute
   */
  void lookup(Lookup lookup);

  /**
   * Returns the scratch that a backward lookup needs.
   *
   * @param count number of ids
   * @param width elements a row
   * @param rows rows of the table
   * @return number of floats, may be zero
   */
  default long lookupBackwardWorkspaceFloats(int count, int width, int rows) {
    return 0;
  }

  /**
   * Adds gradients to the rows they came from.
   *
   * @param lookup what to compute
   */
  void lookupBackward(LookupBackward lookup);
}
