package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Zeroed tensors that lie in few blocks, so that copying all of them takes few copies: what many
 * layers remember is small, and each copy of it costs a launch.
 */
final class StateBlocks {
  /** Where tensors begin, in elements: at the kernels' widest loads. */
  private static final int ALIGNMENT = 64;

  /** Elements that the one axis of a block counts. */
  private static final long MOST = 1L << 30;

  private final Scope scope;
  private final long most;
  private final List<Tensor> blocks = new ArrayList<>();
  private final List<Tensor> kept = new ArrayList<>();

  StateBlocks(Scope scope) {
    this(scope, MOST);
  }

  /** Makes blocks of several tensors that have at most so many elements. */
  StateBlocks(Scope scope, long most) {
    this.scope = scope;
    this.most = most;
  }

  /** Returns how many blocks there are. */
  int count() {
    return blocks.size();
  }

  /** Makes tensors of some shapes, in their order. */
  List<Tensor> cut(List<Shape> shapes) {
    List<Tensor> tensors = new ArrayList<>();
    int next = 0;
    while (next < shapes.size()) {
      int end = next;
      long size = 0;
      while (end < shapes.size() && (end == next || size + aligned(shapes.get(end)) <= most)) {
        size += aligned(shapes.get(end));
        end++;
      }
      tensors.addAll(cutOne(shapes.subList(next, end), size));
      next = end;
    }
    return tensors;
  }

  private static long aligned(Shape shape) {
    return Math.ceilDiv(shape.elements(), ALIGNMENT) * ALIGNMENT;
  }

  private List<Tensor> cutOne(List<Shape> shapes, long size) {
    if (shapes.size() == 1) {
      // Perhaps of more elements than one axis counts.
      blocks.add(scope.zeros(shapes.getFirst()));
      return List.of(blocks.getLast());
    }
    Tensor block = scope.zeros(Shape.of(Math.toIntExact(size)));
    blocks.add(block);
    List<Tensor> tensors = new ArrayList<>();
    long at = 0;
    for (Shape shape : shapes) {
      int elements = Math.toIntExact(shape.elements());
      tensors.add(block.narrow(Math.toIntExact(at), elements).reshape(shape));
      at += aligned(shape);
    }
    return tensors;
  }

  /** Makes all tensors zeros again. */
  void clear() {
    for (int i = 0; i < blocks.size(); i++) {
      blocks.get(i).fill(0);
    }
  }

  /** Copies all tensors to memory of its own, which is taken at the first call. */
  void keep() {
    if (kept.isEmpty()) {
      blocks.forEach(block -> kept.add(scope.empty(block.shape())));
    }
    for (int i = 0; i < blocks.size(); i++) {
      kept.get(i).copyFrom(blocks.get(i));
    }
  }

  /** Returns whether {@link #keep} was called. */
  boolean areKept() {
    return !kept.isEmpty();
  }

  /** Makes all tensors what they were at the last {@link #keep}. */
  void restore() {
    for (int i = 0; i < kept.size(); i++) {
      blocks.get(i).copyFrom(kept.get(i));
    }
  }
}
