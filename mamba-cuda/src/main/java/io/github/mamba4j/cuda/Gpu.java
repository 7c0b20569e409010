package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Memory, launches and graphs of one GPU; everything runs in the order of the calls. */
interface Gpu extends GridLauncher, AutoCloseable {
  /** Returns the GPU's name, such as {@code NVIDIA H200}. */
  String name();

  /**
   * Allocates zeroed memory.
   *
   * @param bytes size, positive
   * @throws OutOfMemoryError if there is not enough; the message says what was asked and is free
   */
  DeviceMemory allocate(long bytes);

  /** Gives a block back, after the kernels that use it. */
  void free(Storage storage);

  /** Copies host memory into a block, in order with the kernels. */
  void write(MemorySegment source, Storage target, long targetByteOffset);

  /** Waits for the kernels before and copies a part of a block to the host. */
  void read(Storage source, long sourceByteOffset, MemorySegment target);

  /** Copies a part of a block to memory of {@link #hostMemory}, which the result waits for. */
  default Runnable readLater(Storage source, long sourceByteOffset, MemorySegment target) {
    read(source, sourceByteOffset, target);
    return () -> {};
  }

  /** Allocates host memory, to which {@link #read} copies fastest. */
  default MemorySegment hostMemory(long bytes, Arena arena) {
    return arena.allocate(bytes, Backend.HOST_ALIGNMENT);
  }

  /** Waits until every kernel launched before has ended. */
  void synchronize();

  /** Makes launches that have run once one launch, which runs them again until it is closed. */
  Replay capture(List<Runnable> launches);

  /**
   * Runs launches beside others, which do not wait for them: neither the first nor those that
   * follow, up to {@link #joinBeside}.
   *
   * @param first launches that get the multiprocessors they want
   * @param second launches that get what is left, after all before the first
   */
  void beside(Runnable first, Runnable second);

  /** Lets all later launches wait for those that run beside others. */
  void joinBeside();

  /** Returns whether what is launched now runs beside others. */
  boolean isBeside();

  /** Returns the stream that launches go to, or null if no library can use it. */
  @Nullable CudaStream stream();

  /** Runs calls of a library that launches on the stream itself, with this GPU's context. */
  void call(Runnable calls);

  /** Runs launches with none of other threads between them. */
  void together(Runnable launches);

  /** Returns how many blocks, graphs and loaded files are held. */
  int held();

  /** Waits for the kernels and gives everything back. */
  @Override
  void close();
}
