package io.github.mamba4j.spi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * A piece of hardware that holds storages and runs kernels on them, one after the other.
 *
 * <p>Kernels may run later than the call that launches them, but in the order of the calls; {@link
 * #read} and {@link #synchronize} wait for them. All memory ends with {@link #close}.
 */
public interface Backend extends AutoCloseable {
  /** What {@link #hostMemory} is aligned to, in bytes. */
  long HOST_ALIGNMENT = 64;

  /**
   * Returns the short name that users select a device by, such as {@code cpu}.
   *
   * @return the name
   */
  String name();

  /**
   * Returns what runs here in words: device, kernels, vector width, threads.
   *
   * @return one line
   */
  String describe();

  /**
   * Returns the name of the kernels in use, such as {@code scalar} or {@code vector-512}.
   *
   * @return the name
   */
  String kernels();

  /**
   * Returns whether kernels take and give activations and their gradients in a type. Parameters,
   * their gradients, states and sums are {@link DType#F32} in any case.
   *
   * @param activations the type
   * @return true if they do; {@link DType#F32} always
   */
  default boolean computesIn(DType activations) {
    return activations == DType.F32;
  }

  /**
   * Returns how many tokens of a prompt are best read at once: as many as it takes to be busy.
   *
   * @return tokens, at least {@link ScanKernels#BATCH_INVARIANT_STEPS}
   */
  default int pieceLength() {
    return 512;
  }

  /**
   * Allocates zeroed memory.
   *
   * @param bytes size, positive
   * @return the block
   * @throws OutOfMemoryError if there is not enough; the message says what was asked
   */
  Storage allocate(long bytes);

  /**
   * Allocates host memory to which {@link #read} copies fastest.
   *
   * @param bytes size, positive
   * @param arena how long it lives, which may be longer than this backend is open
   * @return the memory, at a multiple of 64 bytes
   */
  default MemorySegment hostMemory(long bytes, Arena arena) {
    return arena.allocate(bytes, HOST_ALIGNMENT);
  }

  /**
   * Makes host memory a block, such as weights in a mapped file. The CPU computes on it where it
   * lies; a GPU copies it.
   *
   * @param memory memory outside the heap, at least a byte, that the caller keeps alive and leaves
   *     alone until the block is freed; may be read-only, then nothing may be written to the block
   * @return the block, of the memory's size; it starts where the memory starts, on any boundary
   * @throws IllegalArgumentException if the memory is on the heap or empty
   */
  Storage map(MemorySegment memory);

  /**
   * Gives a block back. Memory that was mapped stays the caller's.
   *
   * @param storage a block from {@link #allocate} or {@link #map} that nothing uses any more
   */
  void free(Storage storage);

  /**
   * Copies host memory into a block, in order with the kernels.
   *
   * @param source host memory, copied before this returns
   * @param target the block
   * @param targetByteOffset where to start in the block
   */
  void write(MemorySegment source, Storage target, long targetByteOffset);

  /**
   * Waits for the kernels before and copies a part of a block to host memory.
   *
   * @param source the block
   * @param sourceByteOffset where to start in the block
   * @param target host memory, filled
   */
  void read(Storage source, long sourceByteOffset, MemorySegment target);

  /**
   * Copies a part of a block to host memory after the kernels launched before, while those that
   * follow are launched: {@link #read} in two parts.
   *
   * @param source the block, which later kernels may change
   * @param sourceByteOffset where to start in the block
   * @param target memory of {@link #hostMemory}, which nobody touches until the wait is over
   * @return waits for the copy; to be run once, before the memory and this backend end
   */
  default Runnable readLater(Storage source, long sourceByteOffset, MemorySegment target) {
    read(source, sourceByteOffset, target);
    return () -> {};
  }

  /** Waits until every kernel launched before has ended. */
  void synchronize();

  /**
   * Returns whether {@link #beside} saves time here.
   *
   * @return true if some hardware may be idle beside the backward passes of scans
   */
  default boolean runsBeside() {
    return false;
  }

  /**
   * Makes kernel calls beside others, which do not wait for them: neither the first nor those that
   * follow, up to {@link #joinBeside}. None of them writes what the others read or write. Calls
   * that are made beside others run one after the other.
   *
   * @param first calls that get as much of the hardware as they want
   * @param second calls of {@link MatmulKernels} and {@link ElementwiseKernels} without a workspace
   *     that get the rest
   */
  default void beside(Runnable first, Runnable second) {
    first.run();
    second.run();
  }

  /** Lets all later calls wait for those made beside others. */
  default void joinBeside() {}

  /**
   * Makes one launch of many: the kernels run again, in order, with the same arguments, at each
   * call of the result.
   *
   * @param launches kernel calls on this backend, as recorded
   * @return what replays them, to be closed when it is not needed any more; for a GPU a captured
   *     graph
   */
  default Replay capture(List<Runnable> launches) {
    Runnable[] steps = launches.toArray(Runnable[]::new);
    return new Replay() {
      @Override
      public void run() {
        for (Runnable step : steps) {
          step.run();
        }
      }

      @Override
      public void close() {
        // Holds the heap's memory only.
      }
    };
  }

  /**
   * Returns the matrix products.
   *
   * @return the kernels
   */
  MatmulKernels matmul();

  /**
   * Returns the scans.
   *
   * @return the kernels
   */
  ScanKernels scan();

  /**
   * Returns the scans of Mamba-2.
   *
   * @return the kernels
   */
  SsdKernels ssd();

  /**
   * Returns the convolutions.
   *
   * @return the kernels
   */
  ConvKernels conv();

  /**
   * Returns the normalisations.
   *
   * @return the kernels
   */
  NormKernels norm();

  /**
   * Returns the elementwise functions and sums.
   *
   * @return the kernels
   */
  ElementwiseKernels elementwise();

  /**
   * Returns the losses.
   *
   * @return the kernels
   */
  LossKernels loss();

  /**
   * Returns the lookups.
   *
   * @return the kernels
   */
  GatherKernels gather();

  /**
   * Returns the steps of whole models, which are optional.
   *
   * @return the kernels, or empty if there is nothing to gain from them here
   */
  default Optional<StepKernels> step() {
    return Optional.empty();
  }

  /**
   * Returns the choice of tokens, which is optional: where memory is the host's, the host chooses.
   *
   * @return the kernels, or empty
   */
  default Optional<SamplingKernels> sampling() {
    return Optional.empty();
  }

  /**
   * Returns the optimiser steps.
   *
   * @return the kernels
   */
  OptimizerKernels optimizer();

  @Override
  void close();
}
