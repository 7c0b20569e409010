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
   * {@code tableGrad[ids[i]] += outGrad[i]} for every i in order. Rows that no id names stay as
   * they are.
   *
   * @param count number of ids
   * @param width elements a row
   * @param rows rows of the table
   * @param ids contiguous {@link DType#I32}
   * @param outGrad [count, width]
   * @param tableGrad [rows, width], added to
   */
  record LookupBackward(int count, int width, int rows, View ids, View outGrad, View tableGrad) {}

  /**
   * Copies rows of a table.
   *
   * @param lookup what to compute
   */
  void lookup(Lookup lookup);

  /**
   * Adds gradients to the rows they came from.
   *
   * @param lookup what to compute
   */
  void lookupBackward(LookupBackward lookup);
}
