package io.github.mamba4j.train;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.AdamWOp;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * One optimiser step of a model: forward, backward, clipping and AdamW, recorded at the first call
 * and repeated on the same memory at every later one.
 *
 * <p>Three programs are recorded: a micro-batch, the norm of the gradients, and the update. The
 * gradients of the only micro-batch replace those of the step before; several add to zeros, which
 * the update leaves. Loss and norm are looked at before the update runs: if one of them is not
 * finite the parameters stay as they are.
 *
 * <p>Long sequences can be trained by truncated back-propagation through time: in pieces, each of
 * which is a micro-batch that begins with the states that the piece before it left.
 *
 * <p>{@link Trainer} drives this; use it directly for a training loop of your own. For one thread
 * at a time.
 */
public final class TrainingStep implements AutoCloseable {
  private static final String FIRST = "first.";
  private static final String SECOND = "second.";

  private final MambaModel model;
  private final int accumulation;
  private final boolean gradientsAdd;
  private final AdamWOp.Settings settings;
  private final Memory memory;
  private final HostBatch batch;
  private final SequencedMap<String, Tensor> moments = new LinkedHashMap<>();
  private final List<AdamWOp.Slot> slots;
  private final Tensor numbers;
  private final Tensor norm;
  private final float[] stepNumbers = new float[AdamWOp.STEP_NUMBERS];
  private final MemorySegment staging;
  private final MemorySegment hostScalar;
  private final Program begin = new Program(this::beginSequences);
  private final Program microBatch = new Program(this::forwardBackward);
  private final Program measure = new Program(this::measureGradients);
  private final Program update = new Program(this::updateParameters);

  /** What a batch's pieces hand on; null for whole batches. */
  private final @Nullable InferenceState carried;

  /** The part of the batch's targets that a piece has. */
  private final Tensor share;

  private @Nullable Tensor meanLoss;
  private @Nullable Tensor hitCount;
  private long updates;
  private double loss;
  private double gradientNorm;
  private double lossSum;
  private double hits;
  private long targets;

  /**
   * Where a step's numbers are.
   *
   * @param scope activations and gradients
   * @param state moments
   * @param arena what comes from the host and goes to it
   * @param carried what a batch's pieces hand on; null for whole batches
   */
  private record Memory(Scope scope, Scope state, Arena arena, @Nullable InferenceState carried)
      implements AutoCloseable {
    static Memory open(MambaModel model, DType activations, BatchSource shape, int pieceLength) {
      Scope scope = model.openGradientScope(activations);
      InferenceState carried =
          shape.length() <= pieceLength ? null : model.newState(shape.batchSize());
      return new Memory(scope, model.openScope(), Arena.ofShared(), carried);
    }

    long reservedBytes() {
      long bytes = scope.reservedBytes() + state.reservedBytes();
      return carried == null ? bytes : bytes + carried.reservedBytes();
    }

    @Override
    public void close() {
      if (carried != null) {
        carried.close();
      }
      scope.close();
      state.close();
      arena.close();
    }
  }

  private TrainingStep(
      MambaModel model,
      BatchSource shape,
      AdamW optimizer,
      double clipNorm,
      int accumulation,
      int pieceLength,
      Memory memory) {
    this.model = model;
    this.memory = memory;
    this.carried = memory.carried;
    this.accumulation = accumulation;
    this.gradientsAdd = accumulation > 1 || carried != null;
    this.settings =
        new AdamWOp.Settings(
            (float) clipNorm,
            (float) optimizer.beta1(),
            (float) optimizer.beta2(),
            (float) optimizer.eps());
    Scope scope = memory.scope;
    Arena arena = memory.arena;
    this.batch = new HostBatch(model, scope, shape, pieceLength, arena);
    this.share = scope.full(Shape.of(1), 1);
    this.numbers = scope.zeros(Shape.of(AdamWOp.STEP_NUMBERS));
    this.norm = scope.zeros(Shape.of(1));
    this.staging = arena.allocate(ValueLayout.JAVA_FLOAT, AdamWOp.STEP_NUMBERS);
    this.hostScalar = arena.allocate(ValueLayout.JAVA_FLOAT);
    this.slots = slots(optimizer);
    clearGradients();
  }

  private List<AdamWOp.Slot> slots(AdamW optimizer) {
    List<AdamWOp.Slot> made = new ArrayList<>();
    for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
      Tensor parameter = entry.getValue();
      Tensor first = memory.state.zeros(parameter.shape());
      Tensor second = memory.state.zeros(parameter.shape());
      moments.put(FIRST + entry.getKey(), first);
      moments.put(SECOND + entry.getKey(), second);
      boolean decays = AdamW.decays(entry.getKey(), parameter.shape().rank());
      float decay = decays ? (float) optimizer.weightDecay() : 0;
      made.add(new AdamWOp.Slot(parameter, first, second, decay));
    }
    return List.copyOf(made);
  }

  /**
   * Prepares to train a model.
   *
   * @param model the model, which nothing else may train in the meantime
   * @param shape a source with the shape of the batches
   * @param optimizer the optimiser's settings; its learning rate is not used here
   * @param clipNorm largest gradient norm that is not scaled down, positive; infinity for no
   *     clipping
   * @param accumulation micro-batches of one update, positive
   * @return the step, to be closed before the model
   * @throws IllegalArgumentException if a number is out of its range
   */
  public static TrainingStep open(
      MambaModel model, BatchSource shape, AdamW optimizer, double clipNorm, int accumulation) {
    return open(model, shape, optimizer, clipNorm, accumulation, DType.F32);
  }

  /**
   * Prepares to train a model as {@link #open(MambaModel, BatchSource, AdamW, double, int)} does,
   * with activations in a type of fewer bits: mixed precision, since parameters, moments, states
   * and sums stay {@link DType#F32}.
   *
   * @param model the model, which nothing else may train in the meantime
   * @param shape a source with the shape of the batches
   * @param optimizer the optimiser's settings; its learning rate is not used here
   * @param clipNorm largest gradient norm that is not scaled down, positive; infinity for no
   *     clipping
   * @param accumulation micro-batches of one update, positive
   * @param activations {@link DType#F32}, or a type that the model's device computes in
   * @return the step, to be closed before the model
   * @throws IllegalArgumentException if a number is out of its range, or the device does not
   *     compute in that type
   */
  public static TrainingStep open(
      MambaModel model,
      BatchSource shape,
      AdamW optimizer,
      double clipNorm,
      int accumulation,
      DType activations) {
    return open(model, shape, optimizer, clipNorm, accumulation, activations, Integer.MAX_VALUE);
  }

  /**
   * Prepares to train a model as {@link #open(MambaModel, BatchSource, AdamW, double, int, DType)}
   * does, by truncated back-propagation through time, in memory that does not grow with the
   * sequences' length.
   *
   * <p>A batch is cut over time into the fewest pieces of at most {@code pieceLength} tokens a
   * sequence, all of equal length (the last is filled up with positions that do not count). The
   * states of convolutions and scans after a piece are those before the next; a batch begins with
   * zeros, nothing goes from one batch to the next. The forward pass, and the loss over all counted
   * targets of the batch, are those of whole sequences up to rounding. Gradients reach back to the
   * beginning of their piece and add up over the pieces: there is one update for a batch. Batches
   * of one piece are trained as without this, to the bit.
   *
   * @param model the model, which nothing else may train in the meantime
   * @param shape a source with the shape of the batches
   * @param optimizer the optimiser's settings; its learning rate is not used here
   * @param clipNorm largest gradient norm that is not scaled down, positive; infinity for no
   *     clipping
   * @param accumulation micro-batches of one update, positive
   * @param activations {@link DType#F32}, or a type that the model's device computes in
   * @param pieceLength tokens of a sequence that gradients reach over at most, positive
   * @return the step, to be closed before the model
   * @throws IllegalArgumentException if a number is out of its range, or the device does not
   *     compute in that type
   */
  public static TrainingStep open(
      MambaModel model,
      BatchSource shape,
      AdamW optimizer,
      double clipNorm,
      int accumulation,
      DType activations,
      int pieceLength) {
    requirePositive("accumulation", accumulation);
    requirePositive("pieceLength", pieceLength);
    Memory memory = Memory.open(model, activations, shape, pieceLength);
    try {
      return new TrainingStep(model, shape, optimizer, clipNorm, accumulation, pieceLength, memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  private static void requirePositive(String name, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException(
          "TrainingStep: " + name + " must be positive, got " + value);
    }
  }

  /**
   * Trains on the micro-batches {@code [update · accumulation, (update + 1) · accumulation)} of an
   * epoch. Each micro-batch's mean loss has the same weight in the gradient, whatever the number of
   * its counted targets, as in PyTorch's loops.
   *
   * @param source the data, in the shape this step was opened with
   * @param epoch the epoch, not negative
   * @param index the update within the epoch, not negative
   * @param learningRate rate of this update, not negative
   * @return true if the parameters were updated, false if loss or gradient norm is not finite
   * @throws IllegalArgumentException if a token is unknown to the model; nothing was updated
   */
  public boolean run(BatchSource source, long epoch, long index, double learningRate) {
    lossSum = 0;
    hits = 0;
    targets = 0;
    double means = 0;
    boolean updated = false;
    writeNumbers(learningRate);
    try {
      for (int i = 0; i < accumulation; i++) {
        means += addGradients(source, epoch, index * accumulation + i, i == accumulation - 1);
      }
      loss = means / accumulation;
      gradientNorm = read(norm);
      if (Double.isFinite(loss) && Double.isFinite(gradientNorm)) {
        update.run();
        updates++;
        updated = true;
      }
      return updated;
    } finally {
      if (!updated || !gradientsAdd) {
        clearGradients();
      }
    }
  }

  /** Adds a batch's share of the gradients and returns its mean loss. */
  private double addGradients(BatchSource source, long epoch, long step, boolean last) {
    int all = batch.load(source, epoch, step);
    targets += all;
    if (carried != null) {
      begin.run();
    }
    double mean = 0;
    for (int piece = 0; piece < batch.pieces(); piece++) {
      int counted = batch.write(piece);
      float weight = writeShare(counted, all);
      microBatch.run();
      if (piece == batch.pieces() - 1) {
        if (last) {
          measure.run();
        }
        // While the device works on this batch, which the next line waits for.
        batch.readAhead(source, epoch, step + 1);
      }
      double meanOfPiece = read(meanLoss);
      mean += weight * meanOfPiece;
      lossSum += counted * meanOfPiece;
      hits += read(hitCount);
    }
    return mean;
  }

  private float writeShare(int counted, int all) {
    if (carried == null) {
      return 1;
    }
    float weight = all == 0 ? 0 : (float) counted / all;
    hostScalar.set(ValueLayout.JAVA_FLOAT, 0, weight);
    share.write(hostScalar);
    return weight;
  }

  private void clearGradients() {
    if (gradientsAdd) {
      AdamWOp.zeroGradients(slots);
    } else {
      AdamWOp.renewGradients(slots);
    }
  }

  private void beginSequences() {
    Objects.requireNonNull(carried).reset();
  }

  private void forwardBackward() {
    Tensor inputs = batch.inputs();
    CrossEntropyOp.Result result;
    Tensor part;
    if (carried == null) {
      result = model.loss(inputs, batch.targets());
      part = result.mean();
    } else {
      result = model.loss(inputs, batch.targets(), carried);
      part = result.mean().multiply(share);
    }
    Runnable backward = () -> part.backward(1f / accumulation);
    if (gradientsAdd) {
      backward.run();
    } else {
      AdamWOp.replaceGradients(slots, backward);
    }
    meanLoss = result.mean();
    hitCount = result.hits().sum();
  }

  private void writeNumbers(double learningRate) {
    AdamWOp.stepNumbers(settings, learningRate, updates + 1, stepNumbers);
    MemorySegment.copy(stepNumbers, 0, staging, ValueLayout.JAVA_FLOAT, 0, stepNumbers.length);
    numbers.write(staging);
  }

  private void measureGradients() {
    AdamWOp.gradientNorm(memory.scope, slots, norm);
  }

  private void updateParameters() {
    AdamWOp.update(memory.scope, slots, settings, numbers, norm);
    if (gradientsAdd) {
      AdamWOp.zeroGradients(slots);
    }
  }

  /** Work that is recorded when it first runs. */
  private final class Program {
    private final Runnable work;
    private @Nullable Runnable recorded;

    Program(Runnable work) {
      this.work = work;
    }

    void run() {
      Runnable repeated = recorded;
      if (repeated == null) {
        recorded = memory.scope.record(work);
      } else {
        repeated.run();
      }
    }
  }

  private double read(@Nullable Tensor value) {
    if (value == null) {
      throw new IllegalStateException("TrainingStep: nothing was computed");
    }
    value.read(hostScalar);
    return hostScalar.get(ValueLayout.JAVA_FLOAT, 0);
  }

  /**
   * Returns the mean loss of the last call's micro-batches.
   *
   * @return loss in nats
   */
  public double loss() {
    return loss;
  }

  /**
   * Returns the norm of the last call's gradients before clipping.
   *
   * @return the norm, not negative
   */
  public double gradientNorm() {
    return gradientNorm;
  }

  /**
   * Returns how many targets of the last call counted.
   *
   * @return the count, not negative
   */
  public long targets() {
    return targets;
  }

  /**
   * Returns how many of them were the most probable token.
   *
   * @return the count, not negative
   */
  public double hits() {
    return hits;
  }

  /** Returns the sum of the last call's losses over all counted targets. */
  double lossSum() {
    return lossSum;
  }

  /**
   * Returns how many tokens one call processes.
   *
   * @return accumulation · batch · length
   */
  public long tokens() {
    return (long) accumulation * batch.tokens();
  }

  /**
   * Returns how many updates were made.
   *
   * @return the count, not negative
   */
  public long updates() {
    return updates;
  }

  /**
   * Returns how much memory the step has taken from the device: activations, their gradients,
   * moments and scratch, without the parameters and their gradients.
   *
   * @return size in bytes
   */
  public long reservedBytes() {
    return memory.reservedBytes();
  }

  /** Sets how many updates the moments stand for. */
  void restoreUpdates(long count) {
    updates = count;
  }

  /** Returns the running means by names that begin with {@code first.} and {@code second.}. */
  SequencedMap<String, Tensor> moments() {
    return moments;
  }

  /** Frees the moments and the activations; the model stays. */
  @Override
  public void close() {
    memory.close();
  }
}
