package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.EmbeddingOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;

/** A table of vectors, one for each token id. */
public final class Embedding {
  private final Tensor weight;

  /**
   * Makes the layer.
   *
   * @param store where its parameter is made
   * @param name prefix of its name
   * @param rows ids, positive
   * @param width elements of a vector, positive
   * @param init first values
   */
  public Embedding(ParameterStore store, String name, int rows, int width, Init init) {
    weight = store.create(name + ".weight", Shape.of(rows, width), init);
  }

  /**
   * Looks vectors up.
   *
   * @param ids integers in [0, rows), [...]
   * @return [..., width]
   */
  public Tensor forward(Tensor ids) {
    return EmbeddingOp.apply(ids, weight);
  }

  /**
   * Returns the table.
   *
   * @return [rows, width]
   */
  public Tensor weight() {
    return weight;
  }
}
