package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * An array of numbers on a device, of fixed shape, that operations read and make.
 *
 * <p>The last axis is contiguous; all other axes together form rows that are a fixed number of
 * elements apart. A tensor made by {@link #narrow}, {@link #split}, {@link #slice}, {@link #select}
 * or {@link #reshape} is a view: it shares the memory, and the gradient, of the tensor it was made
 * from.
 *
 * <p>Tensors belong to their {@link Scope} and need not be closed.
 */
public final class Tensor {
  private final Scope scope;
  private final Shape shape;
  private final View view;
  private final Tensor base;
  private boolean readOnly;
  private boolean requiresGrad;
  private @Nullable Gradient gradient;
  private @Nullable RoundedCopy rounded;
  private long version;

  private Tensor(Scope scope, Shape shape, View view, @Nullable Tensor base, boolean requiresGrad) {
    this.scope = scope;
    this.shape = shape;
    this.view = view;
    this.base = base == null ? this : base;
    this.requiresGrad = requiresGrad;
  }

  static Tensor contiguous(Scope scope, Shape shape, View view, boolean requiresGrad) {
    Tensor tensor = new Tensor(scope, shape, view, null, requiresGrad);
    if (requiresGrad) {
      tensor.gradient = new Gradient(tensor, false);
    }
    return tensor;
  }

  /** Makes a tensor whose memory nobody may write. */
  static Tensor readOnly(Scope scope, Shape shape, View view) {
    Tensor tensor = new Tensor(scope, shape, view, null, false);
    tensor.readOnly = true;
    return tensor;
  }

  /** Views a part of this tensor's memory; the gradient goes to the same part of the base's. */
  Tensor viewOf(Shape newShape, long shift, long stride) {
    return new Tensor(
        scope,
        newShape,
        new View(view.storage(), view.type(), view.offset() + shift, stride),
        base,
        requiresGrad);
  }

  /**
   * Returns the shape.
   *
   * @return the shape
   */
  public Shape shape() {
    return shape;
  }

  /**
   * Returns the owner.
   *
   * @return the scope that this tensor belongs to
   */
  public Scope scope() {
    return scope;
  }

  /**
   * Returns the type of the elements.
   *
   * @return the type
   */
  public DType dtype() {
    return view.type();
  }

  /**
   * Returns this tensor as part of an inner scope, so that what is computed from it alone belongs
   * there. Memory and gradient are shared.
   *
   * @param inner the scope
   * @return the same numbers in the inner scope
   */
  public Tensor in(Scope inner) {
    return new Tensor(inner, shape, view, base, requiresGrad && inner.recordsGradients());
  }

  /**
   * Makes this tensor a parameter: its gradient is kept, and every backward pass adds to it.
   *
   * @return this tensor
   * @throws IllegalStateException if this tensor is a view or the result of an operation, or is not
   *     of type {@link DType#F32}
   */
  public Tensor requireGrad() {
    if (dtype() != DType.F32) {
      throw new IllegalStateException(
          "Tensor: holds " + dtype() + ", expected F32; only those have gradients");
    }
    if (base != this || (requiresGrad && gradient == null)) {
      throw new IllegalStateException("Tensor: only a tensor of its own can be a parameter");
    }
    if (!requiresGrad) {
      requiresGrad = true;
      gradient = new Gradient(this, true);
      rounded = new RoundedCopy(this);
    }
    return this;
  }

  /**
   * Returns whether the elements lie in read-only memory, such as a mapped file, so that {@link
   * #write} and {@link #copyFrom} are refused.
   *
   * @return true if they cannot be changed
   */
  public boolean isReadOnly() {
    return base.readOnly;
  }

  /**
   * Returns whether gradients flow into this tensor.
   *
   * @return true if they do
   */
  public boolean requiresGrad() {
    return requiresGrad;
  }

  /**
   * Returns the gradient that backward passes have left in a parameter.
   *
   * @return the gradient, of this tensor's shape, or empty if there has been none
   */
  public Optional<Tensor> grad() {
    Gradient held = base.gradient;
    if (held == null || !held.reached()) {
      return Optional.empty();
    }
    held.complete();
    return Optional.of(new Tensor(base.scope, shape, held.place(this), null, false));
  }

  /** Sets this parameter's gradient to zero, allocating it if it has none yet. */
  public void zeroGrad() {
    gradient().keepBuffer();
    gradient().zero();
  }

  /**
   * Differentiates this scalar with respect to every parameter it depends on and adds the results
   * to their gradients. The tape is used up.
   *
   * @throws ShapeMismatchException if this tensor has more than one element
   * @throws IllegalStateException if nothing was recorded for it
   */
  public void backward() {
    backward(1f);
  }

  /**
   * Differentiates {@code seed} times this scalar, see {@link #backward()}.
   *
   * @param seed factor of all gradients, such as one over the number of accumulated batches
   */
  public void backward(float seed) {
    if (shape.elements() != 1) {
      throw new ShapeMismatchException(
          "backward: loss has shape " + shape + ", expected one element");
    }
    Tape tape = scope.tape();
    if (tape == null || !requiresGrad) {
      throw new IllegalStateException(
          "backward: the loss depends on no parameter, or was computed in a scope without"
              + " gradients; use Device.openGradientScope and Tensor.requireGrad");
    }
    gradient().seed(seed);
    tape.run(scope);
  }

  /**
   * Returns the size of the elements, as {@link #read} and {@link #write} count.
   *
   * @return bytes
   */
  public long byteSize() {
    return dtype().bytes(shape.elements());
  }

  /**
   * Returns a number that is another one after {@link #write}, {@link #fill} and {@link #copyFrom},
   * by which a cache of what was computed from this tensor knows that it is out of date.
   *
   * @return the number, or empty once this tensor has had a gradient: then an optimiser may change
   *     it at any time
   */
  public OptionalLong version() {
    return Gradient.exists(base.gradient) ? OptionalLong.empty() : OptionalLong.of(base.version);
  }

  /**
   * Returns whether this tensor may be another one than when it had a version. Makes no objects.
   *
   * @param since what {@link #version} returned then
   * @return false if it is the same for certain
   */
  public boolean mayHaveChanged(OptionalLong since) {
    return since.isEmpty() || since.getAsLong() != base.version || Gradient.exists(base.gradient);
  }

  /**
   * Copies the elements to the host, waiting for them. Weights of fewer bits are widened exactly.
   *
   * @return the elements, row-major
   * @throws IllegalArgumentException if they are not floats
   */
  public float[] toFloats() {
    float[] values = new float[Math.toIntExact(shape.elements())];
    readFloats(MemorySegment.ofArray(values));
    return values;
  }

  /**
   * Copies the elements to host memory as 32-bit floats, waiting for them. Weights of fewer bits
   * are widened exactly.
   *
   * @param target at least four bytes an element, filled row-major
   * @throws IllegalArgumentException if the elements are not floats
   */
  public void readFloats(MemorySegment target) {
    ShapeRules.weights("toFloats", "tensor", this);
    if (dtype() == DType.F32) {
      read(target);
    } else {
      WidenedRead.run(reshape(Shape.of(rows(), cols())), target);
    }
  }

  /**
   * Copies integer elements to the host, waiting for them.
   *
   * @return the elements, row-major
   * @throws IllegalArgumentException if they are not integers
   */
  public int[] toInts() {
    ShapeRules.type("toInts", "tensor", this, DType.I32);
    int[] values = new int[Math.toIntExact(shape.elements())];
    read(MemorySegment.ofArray(values));
    return values;
  }

  /**
   * Returns the one element of a scalar, waiting for it.
   *
   * @return the element
   * @throws ShapeMismatchException if there are several
   */
  public float item() {
    if (shape.elements() != 1) {
      throw new ShapeMismatchException(
          "item: tensor has shape " + shape + ", expected one element");
    }
    return toFloats()[0];
  }

  /**
   * Copies the elements to host memory as they are kept, waiting for them.
   *
   * @param target at least as many bytes as this tensor has ({@link DType#bytes}), filled row-major
   */
  public void read(MemorySegment target) {
    HostCopy.read(this, target);
  }

  /**
   * Copies the elements to host memory as they are kept, without waiting for what computes them:
   * the host can hand the device more work meanwhile, which may change this tensor.
   *
   * @param target memory of {@link Device#hostMemory} of this tensor's size, filled row-major;
   *     nobody touches it until the wait is over
   * @return waits for the copy; to be run once, while the memory and the device are open
   * @throws ShapeMismatchException if this tensor is a view of wider rows
   */
  public Runnable readLater(MemorySegment target) {
    return HostCopy.readLater(this, target);
  }

  /**
   * Replaces the elements by those of host memory, of this tensor's type.
   *
   * @param source at least as many bytes as this tensor has ({@link DType#bytes}), row-major
   * @throws IllegalStateException if this tensor {@linkplain #isReadOnly is read-only}
   */
  public void write(MemorySegment source) {
    requireWritable();
    base.version++;
    HostCopy.write(source, this);
    base.refreshRounded();
  }

  /**
   * Replaces every element of a float tensor by one number, on the device.
   *
   * @param value the number
   * @throws IllegalArgumentException if the elements are not floats
   */
  public void fill(float value) {
    ShapeRules.floats("fill", "tensor", this);
    base.version++;
    scope.fill(view, rows(), cols(), value);
    base.refreshRounded();
  }

  /**
   * Replaces the elements by another tensor's, on the device, rounded to this tensor's type.
   *
   * @param other a tensor of the same shape, of a type that the device computes in
   * @throws ShapeMismatchException if the shapes differ
   * @throws IllegalStateException if this tensor {@linkplain #isReadOnly is read-only}
   */
  public void copyFrom(Tensor other) {
    requireWritable();
    ShapeRules.copied("copyFrom", "target", this);
    ShapeRules.copied("copyFrom", "other", other);
    ShapeRules.expect("copyFrom", "other", other, "shape", shape, "the target", other.dtype());
    base.version++;
    scope.copy(other.view, view, rows(), cols());
    base.refreshRounded();
  }

  private void refreshRounded() {
    if (rounded != null) {
      rounded.refresh();
    }
  }

  private void requireWritable() {
    if (isReadOnly()) {
      throw new IllegalStateException(
          "Tensor: " + this + " lies in read-only memory and cannot be written; copy it first");
    }
  }

  /**
   * Returns the sum of both, see {@link BinaryOp}.
   *
   * @param other same shape, or one row that is added to each
   * @return this + other
   */
  public Tensor add(Tensor other) {
    return BinaryOp.apply(Binary.ADD, this, other);
  }

  /**
   * Returns the difference, see {@link BinaryOp}.
   *
   * @param other same shape, or one row that is subtracted from each
   * @return this − other
   */
  public Tensor subtract(Tensor other) {
    return BinaryOp.apply(Binary.SUBTRACT, this, other);
  }

  /**
   * Returns the elementwise product, see {@link BinaryOp}.
   *
   * @param other same shape, or one row that multiplies each
   * @return this · other
   */
  public Tensor multiply(Tensor other) {
    return BinaryOp.apply(Binary.MULTIPLY, this, other);
  }

  /**
   * Returns the elementwise product with a number, see {@link ScaleOp}.
   *
   * @param factor the number
   * @return factor · this
   */
  public Tensor multiply(float factor) {
    return ScaleOp.apply(this, factor);
  }

  /**
   * Returns the matrix product, see {@link MatmulOp}.
   *
   * @param other [..., k, n] for this of shape [..., m, k]
   * @return [..., m, n]
   */
  public Tensor matmul(Tensor other) {
    return MatmulOp.apply(this, other);
  }

  /**
   * Exchanges rows and columns, see {@link TransposeOp}.
   *
   * @return [columns, rows] of this tensor's [rows, columns]
   */
  public Tensor transpose() {
    return TransposeOp.apply(this);
  }

  /**
   * Returns a function of each element, see {@link UnaryOp}.
   *
   * @param function the function
   * @return function(this)
   */
  public Tensor map(Unary function) {
    return UnaryOp.apply(function, this);
  }

  /**
   * Returns the sum of all elements, see {@link SumOp}.
   *
   * @return one element, shape [1]
   */
  public Tensor sum() {
    return SumOp.apply(this, 1f);
  }

  /**
   * Returns the mean of all elements, see {@link SumOp}.
   *
   * @return one element, shape [1]
   */
  public Tensor mean() {
    return SumOp.apply(this, 1f / shape.elements());
  }

  /**
   * Views some columns, see {@link ViewOps}.
   *
   * @param start first index on the last axis
   * @param size how many
   * @return a view of shape [..., size]
   */
  public Tensor narrow(int start, int size) {
    return ViewOps.narrow(this, start, size);
  }

  /**
   * Views some rows of a matrix, see {@link ViewOps}.
   *
   * @param start first row
   * @param size how many, positive
   * @return a view of shape [size, columns]
   * @throws ShapeMismatchException if this tensor has no such rows or is no matrix
   */
  public Tensor narrowRows(int start, int size) {
    return ViewOps.rows(this, start, size);
  }

  /**
   * Views the columns in consecutive groups, see {@link ViewOps}.
   *
   * @param sizes sizes of the groups, which must add up to the last axis
   * @return one view a group
   */
  public Tensor[] split(int... sizes) {
    return ViewOps.split(this, sizes);
  }

  /**
   * Views some indices of the first axis, such as some sequences of a batch, see {@link ViewOps}.
   *
   * @param start first index
   * @param size how many, positive
   * @return a view of shape [size, ...]
   * @throws ShapeMismatchException if there is one axis only, or no such range
   */
  public Tensor slice(int start, int size) {
    return ViewOps.slice(this, start, size);
  }

  /**
   * Views one index of the second last axis, such as the last time step, see {@link ViewOps}.
   *
   * @param index the index; negative counts from the end
   * @return a view without that axis
   */
  public Tensor select(int index) {
    return ViewOps.select(this, index);
  }

  /**
   * Views the same elements in another shape, see {@link ViewOps}.
   *
   * @param newShape as many elements
   * @return a view
   */
  public Tensor reshape(Shape newShape) {
    return ViewOps.reshape(this, newShape);
  }

  View view() {
    return view;
  }

  static @Nullable View viewOf(@Nullable Tensor tensor) {
    return tensor == null ? null : tensor.view;
  }

  Tensor base() {
    return base;
  }

  /** Returns a parameter's copy of fewer bits, null for what is no parameter. */
  @Nullable RoundedCopy rounded() {
    return rounded;
  }

  /** Returns how many rows there are when all axes but the last are taken together. */
  int rows() {
    return Math.toIntExact(shape.elements() / Math.max(1, cols()));
  }

  int cols() {
    return shape.lastDim();
  }

  boolean isContiguous() {
    return view.stride() == cols() || rows() == 1;
  }

  /** Returns the gradient of the tensor that this one is a view of. */
  Gradient gradient() {
    Gradient held = base.gradient;
    if (held == null) {
      throw new IllegalStateException("Tensor: requires no gradient; call requireGrad first");
    }
    return held;
  }

  /** Returns where this tensor's gradient is read in a backward pass, null if none came. */
  @Nullable View gradientOrNull() {
    return requiresGrad && gradient().reached() ? gradient().place(this) : null;
  }

  /** Returns where this tensor's gradient is read in a backward pass, zeros if none came. */
  View gradientOrZero() {
    View reached = gradientOrNull();
    if (reached != null) {
      return reached;
    }
    View zeros = gradient().sink(this).view();
    scope.fill(zeros, rows(), cols(), 0f);
    return zeros;
  }

  /** Returns where this tensor's gradient is read in a backward pass. */
  View gradientView() {
    return gradient().place(this);
  }

  /** Returns where a contribution to this tensor's gradient goes, null if none is wanted. */
  static @Nullable Sink sink(@Nullable Tensor tensor) {
    return tensor != null && tensor.requiresGrad ? tensor.gradient().sink(tensor) : null;
  }

  @Override
  public String toString() {
    return dtype() + " " + shape;
  }
}
