package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The checks that operations make of their arguments, with one form of message. */
final class ShapeRules {
  private ShapeRules() {}

  /** The number of elements given must be that of the shape. */
  static void elements(String op, Shape shape, long given) {
    if (shape.elements() != given) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: values has %d elements, expected %d (from shape %s)",
              op,
              given,
              shape.elements(),
              shape));
    }
  }

  /** Returns the size of a tensor, whose rows must be whole blocks of the type. */
  static long bytes(String op, Shape shape, DType type) {
    if (shape.lastDim() % type.blockElements() != 0) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: shape %s has rows of %d, expected a multiple of %d (from %s)",
              op,
              shape,
              shape.lastDim(),
              type.blockElements(),
              type));
    }
    return type.bytes(shape.elements());
  }

  /** Memory must have the size of a tensor. */
  static void memory(String op, Shape shape, DType type, long given) {
    long expected = bytes(op, shape, type);
    if (given != expected) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: memory has %d bytes, expected %d (from %s %s)",
              op,
              given,
              expected,
              type,
              shape));
    }
  }

  /** An argument must have one shape. Null arguments pass. */
  static void expect(
      String op,
      String argument,
      @Nullable Tensor tensor,
      String axes,
      Shape expected,
      String from) {
    expect(op, argument, tensor, axes, expected, from, DType.F32);
  }

  /** An argument must have a shape and a type. Null arguments pass. */
  static void expect(
      String op,
      String argument,
      @Nullable Tensor tensor,
      String axes,
      Shape expected,
      String from,
      DType type) {
    if (tensor != null && !tensor.shape().equals(expected)) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: %s has shape %s, expected %s = %s (from %s)",
              op,
              argument,
              tensor.shape(),
              axes,
              expected,
              from));
    }
    type(op, argument, tensor, type);
  }

  /** An argument must have a number of axes. */
  static void rank(String op, String argument, Tensor tensor, int rank, String axes) {
    if (tensor.shape().rank() != rank) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT, "%s: %s has shape %s, expected %s", op, argument, tensor.shape(), axes));
    }
  }

  /** An argument's axis must have a size. */
  static void dim(
      String op, String argument, Tensor tensor, int axis, String name, int size, String from) {
    if (tensor.shape().dim(axis) != size) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: %s has shape %s, expected %s = %d on axis %d (from %s)",
              op,
              argument,
              tensor.shape(),
              name,
              size,
              axis,
              from));
    }
  }

  /** An argument must hold floats. Null arguments pass. */
  static void floats(String op, String argument, @Nullable Tensor tensor) {
    type(op, argument, tensor, DType.F32);
  }

  /** An argument must hold what activations can be: F32 or BF16. */
  static void activations(String op, String argument, Tensor tensor) {
    if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.BF16) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "%s: %s holds %s, expected F32 or BF16", op, argument, tensor.dtype()));
    }
  }

  /** An argument must hold what kernels of its device copy: floats, or what it computes in. */
  static void copied(String op, String argument, Tensor tensor) {
    if (!tensor.scope().device().computesIn(tensor.dtype())) {
      floats(op, argument, tensor);
    }
  }

  /** An argument must hold numbers in any form that weights are kept in. */
  static void weights(String op, String argument, Tensor tensor) {
    if (tensor.dtype() == DType.I32) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "%s: %s holds I32, expected F32, BF16, F16 or INT8", op, argument));
    }
  }

  /** An argument must hold one type. Null arguments pass. */
  static void type(String op, String argument, @Nullable Tensor tensor, DType type) {
    if (tensor != null && tensor.dtype() != type) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "%s: %s holds %s, expected %s", op, argument, tensor.dtype(), type));
    }
  }

  /** A state that is to be overwritten must be there, and no gradient may need it. */
  static Tensor carried(String op, @Nullable Tensor state, Scope scope) {
    if (state == null) {
      throw new IllegalArgumentException(
          op + ": initialState is missing, expected a state to overwrite");
    }
    if (scope.recordsGradients()) {
      throw new IllegalStateException(
          op
              + ": the backward pass needs the initial state; do not advance it in a scope that"
              + " records gradients");
    }
    return state;
  }

  /** A number must be positive. */
  static void positive(String op, String argument, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(
          String.format(Locale.ROOT, "%s: %s must be positive, got %d", op, argument, value));
    }
  }
}
