package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/** Functions of one or two elements, and sums along an axis. */
public interface ElementwiseKernels {
  /** Functions of one element. */
  enum Unary {
    /** {@code e^x}. */
    EXP,
    /** {@code −x}. */
    NEGATE,
    /** {@code 1/(1 + e^−x)}. */
    SIGMOID,
    /** {@code x/(1 + e^−x)}. */
    SILU,
    /** {@code x ≤ 20 ? log(1 + e^x) : x}. */
    SOFTPLUS,
    /** Hyperbolic tangent. */
    TANH
  }

  /** Functions of two elements. */
  enum Binary {
    /** {@code a + b}. */
    ADD,
    /** {@code a − b}. */
    SUBTRACT,
    /** {@code a · b}. */
    MULTIPLY
  }

  /**
   * {@code out (+)= f(x)}.
   *
   * @param function f
   * @param rows rows
   * @param cols elements a row
   * @param x [rows, cols]
   * @param out [rows, cols]
   */
  record Map(Unary function, int rows, int cols, View x, Sink out) {}

  /**
   * {@code xGrad (+)= f'(x) · outGrad}.
   *
   * @param function f
   * @param rows rows
   * @param cols elements a row
   * @param x [rows, cols]
   * @param outGrad [rows, cols]
   * @param xGrad [rows, cols]
   */
  record MapBackward(Unary function, int rows, int cols, View x, View outGrad, Sink xGrad) {}

  /**
   * {@code out (+)= f(a, b)}. A view with stride zero repeats its row.
   *
   * @param function f
   * @param rows rows
   * @param cols elements a row
   * @param a [rows, cols]
   * @param b [rows, cols]
   * @param out [rows, cols]
   */
  record Combine(Binary function, int rows, int cols, View a, View b, Sink out) {}

  /**
   * {@code out (+)= factor · scale · x}, a copy, a scaled sum or a broadcast (stride zero).
   *
   * @param rows rows
   * @param cols elements a row
   * @param factor known when the kernel is recorded
   * @param scale one element on the device that is read when the kernel runs, or null for one
   * @param x [rows, cols]
   * @param out [rows, cols]
   */
  record Scale(int rows, int cols, float factor, @Nullable View scale, View x, Sink out) {}

  /**
   * {@code out[j, i] (+)= x[i, j]}.
   *
   * @param rows rows of x
   * @param cols elements a row of x
   * @param x [rows, cols]
   * @param out [cols, rows], not the memory of x
   */
  record Transpose(int rows, int cols, View x, Sink out) {}

  /**
   * {@code out[j, i] (+)= −e^(x[i, j])}: the decay rates of a state-space model from the logarithms
   * that it learns.
   *
   * @param rows rows of x
   * @param cols elements a row of x
   * @param x [rows, cols]
   * @param out [cols, rows], not the memory of x
   */
  record Decay(int rows, int cols, View x, Sink out) {}

  /**
   * {@code xGrad[i, j] (+)= outGrad[j, i] · out[j, i]}, which is what {@link Decay} has as its own
   * slope.
   *
   * @param rows rows of x
   * @param cols elements a row of x
   * @param out what the forward pass wrote, [cols, rows]
   * @param outGrad [cols, rows]
   * @param xGrad [rows, cols], memory of its own
   */
  record DecayBackward(int rows, int cols, View out, View outGrad, Sink xGrad) {}

  /** The axis that a sum runs over. */
  enum Axis {
    /** Down the columns: the result has one element a column. */
    ROWS,
    /** Along each row: the result has one element a row. */
    COLUMNS
  }

  /**
   * {@code out (+)= factor · Σ x} over one axis, in an order given by the shape.
   *
   * @param axis the axis summed over
   * @param rows rows
   * @param cols elements a row
   * @param factor multiplies the sum
   * @param x [rows, cols]
   * @param out one contiguous row of the remaining elements
   * @param workspace {@link #sumWorkspaceFloats} floats of scratch
   */
  record Sum(Axis axis, int rows, int cols, float factor, View x, Sink out, View workspace) {}

  /**
   * Returns the scratch that a sum needs.
   *
   * @param axis the axis summed over
   * @param rows rows
   * @param cols elements a row
   * @return number of floats, may be zero
   */
  long sumWorkspaceFloats(Axis axis, int rows, int cols);

  /**
   * Applies a function of one element.
   *
   * @param map what to compute
   */
  void map(Map map);

  /**
   * Computes the gradient of a function of one element.
   *
   * @param map what to compute
   */
  void mapBackward(MapBackward map);

  /**
   * Applies a function of two elements.
   *
   * @param combine what to compute
   */
  void combine(Combine combine);

  /**
   * Copies, scales or accumulates.
   *
   * @param scale what to compute
   */
  void scale(Scale scale);

  /**
   * Exchanges rows and columns.
   *
   * @param transpose what to compute
   */
  void transpose(Transpose transpose);

  /**
   * Computes decay rates, rows and columns exchanged.
   *
   * @param decay what to compute
   */
  void decay(Decay decay);

  /**
   * Computes the gradient of decay rates.
   *
   * @param decay what to compute
   */
  void decayBackward(DecayBackward decay);

  /**
   * Sets every element of a float matrix.
   *
   * @param out the memory, overwritten
   * @param rows rows
   * @param cols elements a row
   * @param value the value
   */
  void fill(View out, int rows, int cols, float value);

  /**
   * Sums along an axis.
   *
   * @param sum what to compute
   */
  void sum(Sum sum);
}
