package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.ElementwiseKernels.Axis;
import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.ElementwiseKernels.Sum;
import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The owner of tensors: a stretch of work with its memory, and, where gradients are wanted, the
 * tape that remembers what to differentiate.
 *
 * <p>An operation's result belongs to the innermost scope among its inputs' scopes: parameters live
 * in an outer scope, activations in a scope of the step. Closing a scope ends its tensors and hands
 * its memory back to its parent (or the device); {@link #reset} does the same and keeps the scope
 * open, so that a repeated step finds its memory where it was.
 *
 * <p>A scope is used by one thread at a time.
 */
public final class Scope implements AutoCloseable {
  /** The kernel calls of one recording, on one device. */
  private record Recording(Device device, List<Runnable> launches) {}

  /** Bound while recorded work runs, so that calls of every scope are kept, outer ones too. */
  private static final ScopedValue<Recording> RECORDING = ScopedValue.newInstance();

  private final Device device;
  private final @Nullable Scope parent;
  private final MemoryPool pool;
  private final int depth;
  private final DType activations;
  private final @Nullable Tape tape;
  private final List<Block> blocks = new ArrayList<>();

  private final List<Replay> recordings = new ArrayList<>();

  /** What lies outside the pool: mapped memory, and blocks that fit no offset in a slab. */
  private final List<Storage> storages = new ArrayList<>();

  private long mappedBytes;
  private boolean closed;

  private Scope(
      Device device,
      @Nullable Scope parent,
      MemoryPool pool,
      @Nullable Tape tape,
      DType activations) {
    this.device = device;
    this.parent = parent;
    this.pool = pool;
    this.depth = parent == null ? 0 : parent.depth + 1;
    this.activations = activations;
    this.tape = tape;
  }

  static Scope open(Device device, boolean gradients) {
    MemoryPool pool = new MemoryPool(device.backend());
    return new Scope(device, null, pool, gradients ? new Tape() : null, DType.F32);
  }

  /**
   * Opens a scope inside this one, with the same tape if there is one.
   *
   * @return the scope, to be closed before this one
   */
  public Scope openChild() {
    requireOpen();
    return new Scope(device, this, pool, tape, activations);
  }

  /**
   * Opens a scope inside this one that records gradients, with memory of its own: parameters live
   * here, the activations of a training step there.
   *
   * @return the scope, to be closed before this one
   */
  public Scope openGradientChild() {
    return openGradientChild(activations);
  }

  /**
   * Opens a scope as {@link #openGradientChild()} does, with the type that activations and their
   * gradients have there.
   *
   * @param activationType {@link DType#F32}, or a type that the device computes in
   * @return the scope, to be closed before this one
   * @throws IllegalArgumentException if the device does not compute in that type
   */
  public Scope openGradientChild(DType activationType) {
    requireOpen();
    requireComputed(activationType);
    return new Scope(device, this, new MemoryPool(device.backend()), new Tape(), activationType);
  }

  /**
   * Opens a scope inside this one that records no gradients, with memory of its own. Several
   * threads may open and use such scopes at the same time.
   *
   * @return the scope, to be closed before this one
   */
  public Scope openSeparateChild() {
    return openSeparateChild(activations);
  }

  /**
   * Opens a scope as {@link #openSeparateChild()} does, with the type that activations have there.
   *
   * @param activationType {@link DType#F32}, or a type that the device computes in
   * @return the scope, to be closed before this one
   * @throws IllegalArgumentException if the device does not compute in that type
   */
  public Scope openSeparateChild(DType activationType) {
    requireOpen();
    requireComputed(activationType);
    return new Scope(device, this, new MemoryPool(device.backend()), null, activationType);
  }

  private void requireComputed(DType activationType) {
    if (!device.computesIn(activationType)) {
      throw new IllegalArgumentException(
          "Scope: the device "
              + device.name()
              + " does not compute in "
              + activationType
              + "; use F32, or a device that does, such as cuda");
    }
  }

  /**
   * Returns the type that normalised rows have here, and what is computed from them: the
   * activations of a model. Its residual stream, states and gradients of parameters are {@link
   * DType#F32} whatever this is.
   *
   * @return the type
   */
  public DType activations() {
    return activations;
  }

  /**
   * Returns the device that this scope's tensors live on.
   *
   * @return the device
   */
  public Device device() {
    return device;
  }

  /**
   * Returns whether operations here record gradients.
   *
   * @return true if they do
   */
  public boolean recordsGradients() {
    return tape != null;
  }

  /**
   * Returns how much memory this scope has taken from the device; what {@link #map} made a tensor
   * is not counted.
   *
   * @return size in bytes
   */
  public long reservedBytes() {
    long own = storages.stream().mapToLong(Storage::byteSize).sum() - mappedBytes;
    return pool.reservedBytes() + own;
  }

  /**
   * Makes a tensor of undefined contents.
   *
   * @param shape its shape
   * @return the tensor
   */
  public Tensor empty(Shape shape) {
    return empty(shape, DType.F32);
  }

  /**
   * Makes a tensor of undefined contents whose elements are of a given type. Weights may be of any;
   * what operations compute is {@link DType#F32}.
   *
   * @param shape its shape; the last axis is a multiple of the type's block
   * @param type the type of its elements
   * @return the tensor
   * @throws ShapeMismatchException if the last axis does not fit the blocks
   */
  public Tensor empty(Shape shape, DType type) {
    long bytes = ShapeRules.bytes("Scope.empty", shape, type);
    if (type.blockElements() == 1) {
      return Tensor.contiguous(this, shape, take(bytes).view(type, shape.lastDim()), false);
    }
    requireOpen();
    return apart(shape, type, backend().allocate(bytes), false);
  }

  /**
   * Makes a tensor of host memory, such as weights in a mapped file, without copying it if the
   * device computes on host memory.
   *
   * @param shape its shape; the last axis is a multiple of the type's block
   * @param type the type of its elements, in this machine's byte order
   * @param memory the elements, row-major, outside the heap, on any boundary; the caller keeps them
   *     alive and leaves them alone until this scope is closed or reset
   * @return the tensor; it cannot be written if the memory is read-only
   * @throws ShapeMismatchException if the memory's size is not that of shape and type
   * @throws IllegalArgumentException if the memory is on the heap
   */
  public Tensor map(Shape shape, DType type, MemorySegment memory) {
    requireOpen();
    ShapeRules.memory("Scope.map", shape, type, memory.byteSize());
    Tensor tensor = apart(shape, type, backend().map(memory), memory.isReadOnly());
    mappedBytes += memory.byteSize();
    return tensor;
  }

  private Tensor apart(Shape shape, DType type, Storage storage, boolean readOnly) {
    storages.add(storage);
    View view = new View(storage, type, 0, shape.lastDim());
    return readOnly
        ? Tensor.readOnly(this, shape, view)
        : Tensor.contiguous(this, shape, view, false);
  }

  /**
   * Makes a float tensor whose elements all have one value.
   *
   * @param shape its shape
   * @param value the value
   * @return the tensor
   */
  public Tensor full(Shape shape, float value) {
    Tensor tensor = empty(shape);
    fill(tensor.view(), tensor.rows(), tensor.cols(), value);
    return tensor;
  }

  /**
   * Makes a float tensor of zeros.
   *
   * @param shape its shape
   * @return the tensor
   */
  public Tensor zeros(Shape shape) {
    return full(shape, 0f);
  }

  /**
   * Makes a float tensor from values.
   *
   * @param shape its shape
   * @param values the elements, row-major
   * @return the tensor
   * @throws ShapeMismatchException if their number does not fit the shape
   */
  public Tensor floats(Shape shape, float... values) {
    ShapeRules.elements("Scope.floats", shape, values.length);
    Tensor tensor = empty(shape);
    tensor.write(MemorySegment.ofArray(values));
    return tensor;
  }

  /**
   * Makes an integer tensor from values: token ids or targets.
   *
   * @param shape its shape
   * @param values the elements, row-major
   * @return the tensor
   * @throws ShapeMismatchException if their number does not fit the shape
   */
  public Tensor ints(Shape shape, int... values) {
    ShapeRules.elements("Scope.ints", shape, values.length);
    Tensor tensor = empty(shape, DType.I32);
    tensor.write(MemorySegment.ofArray(values));
    return tensor;
  }

  /**
   * Copies a tensor of an inner scope into this one, so that it outlives the inner scope. Gradients
   * do not flow through the copy.
   *
   * @param tensor the tensor
   * @return the copy
   */
  public Tensor keep(Tensor tensor) {
    Tensor copy = empty(tensor.shape());
    copy.copyFrom(tensor);
    return copy;
  }

  /**
   * Runs work whose kernel calls can be repeated: everything is computed once now, and again, on
   * the same memory, at each call of the result. Tensors made by the work stay valid and change
   * with each call; this scope must not be reset in between. What the work decides in Java is
   * decided now and for good.
   *
   * <p>A repetition allocates nothing; on a GPU it is one launch.
   *
   * @param work tensor operations in this scope or its children
   * @return what repeats them
   * @throws IllegalStateException if a recording is already under way
   */
  public Runnable record(Runnable work) {
    requireOpen();
    if (RECORDING.isBound()) {
      throw new IllegalStateException("Scope: a recording is already under way");
    }
    Recording recording = new Recording(device, new ArrayList<>());
    ScopedValue.where(RECORDING, recording).run(work);
    Replay replay = backend().capture(recording.launches);
    recordings.add(replay);
    return replay;
  }

  /**
   * Ends all tensors of this scope and of its children and forgets what was recorded. The memory is
   * used again from the start.
   */
  public void reset() {
    requireOpen();
    if (tape != null) {
      tape.clear();
    }
    freeRecordings();
    freeStorages();
    if (ownsPool()) {
      blocks.clear();
      pool.reset();
    } else {
      releaseAll();
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    freeRecordings();
    freeStorages();
    if (ownsPool()) {
      pool.close();
    } else {
      releaseAll();
    }
  }

  private boolean ownsPool() {
    return parent == null || parent.pool != pool;
  }

  private void freeRecordings() {
    recordings.forEach(Replay::close);
    recordings.clear();
  }

  private void freeStorages() {
    storages.forEach(backend()::free);
    storages.clear();
    mappedBytes = 0;
  }

  private void releaseAll() {
    blocks.forEach(pool::give);
    blocks.clear();
  }

  /** Returns the innermost of the tensors' scopes; all must be on one device. */
  static Scope innermost(String op, @Nullable Tensor... tensors) {
    Scope scope = null;
    for (Tensor tensor : tensors) {
      if (tensor == null) {
        continue;
      }
      if (scope == null || tensor.scope().depth > scope.depth) {
        scope = tensor.scope();
      }
      if (tensor.scope().device != scope.device) {
        throw new IllegalArgumentException(
            op
                + ": its tensors are on different devices ("
                + tensor.scope().device.describe()
                + " and "
                + scope.device.describe()
                + "); copy one of them");
      }
    }
    if (scope == null) {
      throw new IllegalArgumentException(op + ": needs at least one tensor");
    }
    scope.requireOpen();
    return scope;
  }

  Backend backend() {
    return device.backend();
  }

  /** Runs a kernel call, now and at each replay of a recording. */
  void launch(Runnable kernel) {
    kernel.run();
    if (RECORDING.isBound() && RECORDING.get().device == device) {
      RECORDING.get().launches.add(kernel);
    }
  }

  /**
   * Makes an operation's result; it requires a gradient if any input does and this scope records.
   */
  Tensor result(Shape shape, @Nullable Tensor... inputs) {
    return result(DType.F32, shape, inputs);
  }

  /** Makes an operation's result of a plain type, as {@link #result(Shape, Tensor...)} does. */
  Tensor result(DType type, Shape shape, @Nullable Tensor... inputs) {
    boolean wanted =
        tape != null && Arrays.stream(inputs).anyMatch(t -> t != null && t.requiresGrad());
    Block block = take(type.bytes(shape.elements()));
    return Tensor.contiguous(this, shape, block.view(type, shape.lastDim()), wanted);
  }

  /** Returns a matrix in another type, or itself if it has that type; no gradient flows through. */
  Tensor converted(Tensor matrix, DType type) {
    if (matrix.dtype() == type) {
      return matrix;
    }
    Tensor copy = empty(matrix.shape(), type);
    copy(matrix.view(), copy.view(), matrix.rows(), matrix.cols());
    return copy;
  }

  /** Remembers how to differentiate; nothing if no output requires a gradient. */
  void onBackward(Runnable backward, Tensor... outputs) {
    onBackward(backward, false, outputs);
  }

  /**
   * Remembers how to differentiate, as {@link #onBackward} does, by code that calls {@link
   * #launchRoomy}.
   */
  void onRoomyBackward(Runnable backward, Tensor... outputs) {
    onBackward(backward, backend().runsBeside(), outputs);
  }

  private void onBackward(Runnable backward, boolean roomy, Tensor... outputs) {
    if (tape != null && Arrays.stream(outputs).anyMatch(Tensor::requiresGrad)) {
      tape.add(backward, outputs, roomy);
    }
  }

  /**
   * Launches a contribution to a gradient; if nothing in the pass waits for it, beside others.
   *
   * @param kernel the call
   * @param result where it contributes to
   * @param done lets go of what it reads, once later launches come after it
   */
  void launchContribution(Runnable kernel, Gradient result, Runnable done) {
    if (tape == null || !tape.hasRoom() || !result.isLeaf()) {
      launch(kernel);
      done.run();
      return;
    }
    tape.postponed().add(this, kernel, result, done);
    if (!tape.roomAhead()) {
      tape.postponed().launchBesideAll(this);
    }
  }

  /** Launches a kernel that leaves room, and what was postponed beside it. */
  void launchRoomy(Runnable kernel) {
    if (tape == null) {
      launch(kernel);
    } else {
      tape.postponed().launchBeside(this, kernel);
    }
  }

  @Nullable Tape tape() {
    return tape;
  }

  Block take(long bytes) {
    requireOpen();
    Block block = pool.take(bytes);
    blocks.add(block);
    return block;
  }

  void give(Block block) {
    pool.give(block);
  }

  /** Lends scratch to kernels that are launched by {@code use}; it is free again afterwards. */
  void withWorkspace(long floats, Consumer<View> use) {
    Block block = pool.take(Math.max(1, floats) * Float.BYTES);
    use.accept(block.view(DType.F32, Math.max(1, floats)));
    pool.give(block);
  }

  void fill(View view, int rows, int cols, float value) {
    launch(() -> backend().elementwise().fill(view, rows, cols, value));
  }

  void copy(View from, View to, int rows, int cols) {
    scale(from, new Sink(to, false), rows, cols, 1f, null);
  }

  /** Launches {@code out (+)= factor · scale · x}. */
  void scale(View x, Sink out, int rows, int cols, float factor, @Nullable View scale) {
    ElementwiseKernels.Scale args = new ElementwiseKernels.Scale(rows, cols, factor, scale, x, out);
    launch(() -> backend().elementwise().scale(args));
  }

  /** Launches {@code out (+)= a · b}. */
  void multiply(View a, View b, Sink out, int rows, int cols) {
    combine(Binary.MULTIPLY, a, b, out, rows, cols);
  }

  /** Launches {@code out (+)= f(a, b)}. */
  void combine(Binary function, View a, View b, Sink out, int rows, int cols) {
    ElementwiseKernels.Combine args =
        new ElementwiseKernels.Combine(function, rows, cols, a, b, out);
    launch(() -> backend().elementwise().combine(args));
  }

  /** Launches {@code out (+)= factor · Σ_rows x}. */
  void sumRows(View x, int rows, int cols, float factor, Sink out) {
    sum(Axis.ROWS, x, rows, cols, factor, out);
  }

  /** Launches {@code out (+)= factor · Σ_columns x}. */
  void sumColumns(View x, int rows, int cols, float factor, Sink out) {
    sum(Axis.COLUMNS, x, rows, cols, factor, out);
  }

  private void sum(Axis axis, View x, int rows, int cols, float factor, Sink out) {
    ElementwiseKernels kernels = backend().elementwise();
    withWorkspace(
        kernels.sumWorkspaceFloats(axis, rows, cols),
        workspace -> {
          Sum args = new Sum(axis, rows, cols, factor, x, out, workspace);
          launch(() -> kernels.sum(args));
        });
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("Scope: is closed");
    }
  }
}
