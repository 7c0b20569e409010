package io.github.mamba4j.train;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The way of a batch from its source to the device: checked on the host, then written to the same
 * memory each time, so that recorded work finds it; long sequences in pieces of equal length, of
 * which the last is filled up with positions that do not count. The next batch can be read while
 * the device works on the last piece of this one.
 */
final class HostBatch {
  private final int rows;
  private final int length;
  private final int pieces;
  private final int pieceLength;
  private final int vocab;
  private final int[] inputs;
  private final int[] targets;
  private final MemorySegment staging;
  private final Tensor both;
  private final Tensor inputTensor;
  private final Tensor targetTensor;

  /** What the arrays hold; no source if nothing yet. */
  private @Nullable BatchSource held;

  private long heldEpoch;
  private long heldStep;

  /**
   * Takes the memory.
   *
   * @param model whose tokens count
   * @param scope owner of the tensors
   * @param source the shape of its batches
   * @param longestPiece tokens of a sequence that are on the device at once at most, positive
   * @param arena owner of the host memory
   */
  HostBatch(MambaModel model, Scope scope, BatchSource source, int longestPiece, Arena arena) {
    this.rows = source.batchSize();
    this.length = source.length();
    this.pieces = Math.ceilDiv(length, longestPiece);
    this.pieceLength = Math.ceilDiv(length, pieces);
    this.vocab = model.config().paddedVocabSize();
    int count = Math.multiplyExact(rows, length);
    this.inputs = new int[count];
    this.targets = new int[count];
    this.staging = arena.allocate(2L * rows * pieceLength * Integer.BYTES, Long.BYTES);
    Shape shape = Shape.of(rows, pieceLength);
    this.both = scope.empty(Shape.of(2, rows, pieceLength), DType.I32);
    this.inputTensor = both.slice(0, 1).reshape(shape);
    this.targetTensor = both.slice(1, 1).reshape(shape);
  }

  /** Returns the piece that was written last, [batch, piece]. */
  Tensor inputs() {
    return inputTensor;
  }

  /** Returns what follows its tokens, [batch, piece]. */
  Tensor targets() {
    return targetTensor;
  }

  /** Returns the number of pieces of a batch, positive. */
  int pieces() {
    return pieces;
  }

  /** Returns the number of tokens of a batch. */
  int tokens() {
    return inputs.length;
  }

  /**
   * Reads a batch before it is loaded, so that {@link #load} need not. Where that fails nothing
   * happens.
   *
   * @param source a source of this shape
   * @param epoch the epoch
   * @param step the step within the epoch, or the one after its last for the first of the next
   */
  void readAhead(BatchSource source, long epoch, long step) {
    boolean within = step < source.stepsPerEpoch();
    try {
      read(source, within ? epoch : epoch + 1, within ? step : 0);
    } catch (RuntimeException e) {
      held = null; // Whoever needs the batch reads it again and hears of it.
    }
  }

  private void read(BatchSource source, long epoch, long step) {
    held = null;
    source.read(epoch, step, inputs, targets);
    held = source;
    heldEpoch = epoch;
    heldStep = step;
  }

  /**
   * Reads and checks a batch.
   *
   * @return the number of targets that count
   * @throws IllegalArgumentException if the source has another shape or gives a token that the
   *     model does not have
   */
  int load(BatchSource source, long epoch, long step) {
    if (source.batchSize() != rows || source.length() != length) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "BatchSource: batches have shape [%d, %d], expected [batch, length] = [%d, %d]",
              source.batchSize(),
              source.length(),
              rows,
              length));
    }
    if (!holds(source, epoch, step)) {
      read(source, epoch, step);
    }
    int counted = 0;
    for (int i = 0; i < inputs.length; i++) {
      if (inputs[i] < 0 || inputs[i] >= vocab) {
        throw unknown("token id", inputs[i], i, epoch, step);
      }
      if (targets[i] != CrossEntropyOp.IGNORE) {
        if (targets[i] < 0 || targets[i] >= vocab) {
          throw unknown("target", targets[i], i, epoch, step);
        }
        counted++;
      }
    }
    return counted;
  }

  /**
   * Uploads a piece of the batch that was loaded last.
   *
   * @param piece which one, in [0, pieces)
   * @return the number of its targets that count
   */
  int write(int piece) {
    int start = piece * pieceLength;
    int size = Math.min(pieceLength, length - start);
    int counted = 0;
    for (int row = 0; row < rows; row++) {
      int from = row * length + start;
      stage(inputs, from, size, row, 0);
      stage(targets, from, size, rows + row, CrossEntropyOp.IGNORE);
      for (int i = from; i < from + size; i++) {
        counted += targets[i] == CrossEntropyOp.IGNORE ? 0 : 1;
      }
    }
    both.write(staging);
    return counted;
  }

  /** Copies one row of a piece to host memory and fills it up. */
  private void stage(int[] values, int from, int size, int row, int filling) {
    long at = (long) row * pieceLength * Integer.BYTES;
    MemorySegment.copy(values, from, staging, ValueLayout.JAVA_INT, at, size);
    for (int i = size; i < pieceLength; i++) {
      staging.setAtIndex(ValueLayout.JAVA_INT, (long) row * pieceLength + i, filling);
    }
  }

  /** Whether the arrays hold a batch. */
  @SuppressWarnings("ReferenceEquality") // an equal source is read again, which costs time only
  private boolean holds(BatchSource source, long epoch, long step) {
    return held == source && heldEpoch == epoch && heldStep == step;
  }

  private IllegalArgumentException unknown(
      String what, int value, int index, long epoch, long step) {
    return new IllegalArgumentException(
        String.format(
            Locale.ROOT,
            "BatchSource: %s %d at [%d, %d] of epoch %d, step %d does not exist, expected one in"
                + " [0, %d)",
            what,
            value,
            index / length,
            index % length,
            epoch,
            step,
            vocab));
  }
}
