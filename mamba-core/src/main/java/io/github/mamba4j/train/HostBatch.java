package io.github.mamba4j.train;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * The way of a batch from its source to the device: checked on the host, then written to the same
 * two tensors each time, so that recorded work finds it.
 */
final class HostBatch {
  private final int rows;
  private final int length;
  private final int vocab;
  private final int[] inputs;
  private final int[] targets;
  private final MemorySegment staging;
  private final Tensor inputTensor;
  private final Tensor targetTensor;

  /**
   * Takes the memory.
   *
   * @param model whose tokens count
   * @param scope owner of the tensors
   * @param source the shape of its batches
   * @param arena owner of the host memory
   */
  HostBatch(MambaModel model, Scope scope, BatchSource source, Arena arena) {
    this.rows = source.batchSize();
    this.length = source.length();
    this.vocab = model.config().paddedVocabSize();
    int count = Math.multiplyExact(rows, length);
    this.inputs = new int[count];
    this.targets = new int[count];
    this.staging = arena.allocate((long) count * Integer.BYTES, Long.BYTES);
    Shape shape = Shape.of(rows, length);
    this.inputTensor = scope.ints(shape, inputs);
    this.targetTensor = scope.ints(shape, targets);
  }

  Tensor inputs() {
    return inputTensor;
  }

  Tensor targets() {
    return targetTensor;
  }

  /** Returns the number of tokens of a batch. */
  int tokens() {
    return inputs.length;
  }

  /**
   * Reads, checks and uploads a batch.
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
    source.read(epoch, step, inputs, targets);
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
    upload(inputs, inputTensor);
    upload(targets, targetTensor);
    return counted;
  }

  private void upload(int[] values, Tensor tensor) {
    MemorySegment.copy(values, 0, staging, ValueLayout.JAVA_INT, 0, values.length);
    tensor.write(staging);
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
