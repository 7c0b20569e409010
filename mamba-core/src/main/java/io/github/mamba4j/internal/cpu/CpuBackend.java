package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** The CPU: off-heap memory and kernels that have ended when their call returns. */
final class CpuBackend implements Backend {
  private static final long ALIGNMENT = 64;

  private final KernelSet kernels;
  private final WorkerPool pool;

  /** The memory of each block that is in use; guarded by itself. */
  private final IdentityHashMap<Storage, Arena> arenas = new IdentityHashMap<>();

  /** Blocks on memory of others that are in use; guarded by {@link #arenas}. */
  private final Set<Storage> mapped = Collections.newSetFromMap(new IdentityHashMap<>());

  private boolean closed;

  /**
   * Makes a backend.
   *
   * @param kernels what computes
   * @param pool the threads that the kernels were made with, closed with this
   */
  CpuBackend(KernelSet kernels, WorkerPool pool) {
    this.kernels = kernels;
    this.pool = pool;
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String describe() {
    String family = kernels.name();
    int dash = family.indexOf('-');
    String words =
        dash < 0
            ? family + " kernels"
            : family.substring(0, dash) + " kernels " + family.substring(dash + 1) + " bit";
    int threads = pool.threads();
    return "CPU, " + words + ", " + threads + (threads == 1 ? " thread" : " threads");
  }

  @Override
  public String kernels() {
    return kernels.name();
  }

  @Override
  public Storage allocate(long bytes) {
    if (bytes <= 0) {
      throw new IllegalArgumentException(
          "CpuBackend.allocate: bytes must be positive, got " + bytes);
    }
    synchronized (arenas) {
      requireOpen();
      Arena arena = Arena.ofShared();
      try {
        CpuStorage storage = new CpuStorage(arena.allocate(bytes, ALIGNMENT));
        arenas.put(storage, arena);
        return storage;
      } catch (OutOfMemoryError | IllegalArgumentException e) {
        arena.close();
        OutOfMemoryError error = new OutOfMemoryError(notEnough(bytes));
        error.addSuppressed(e);
        throw error;
      }
    }
  }

  @Override
  public Storage map(MemorySegment memory) {
    if (!memory.isNative() || memory.byteSize() == 0) {
      throw new IllegalArgumentException(
          "CpuBackend.map: memory has "
              + memory.byteSize()
              + (memory.isNative()
                  ? " bytes, expected some"
                  : " bytes on the heap, expected none"));
    }
    synchronized (arenas) {
      requireOpen();
      CpuStorage storage = new CpuStorage(memory);
      mapped.add(storage);
      return storage;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("CpuBackend: the backend is closed, open a new one");
    }
  }

  private String notEnough(long bytes) {
    long used = 0;
    for (Storage storage : arenas.keySet()) {
      used += storage.byteSize();
    }
    return "CpuBackend.allocate: no "
        + bytes
        + " bytes of memory outside the heap are left, "
        + used
        + " bytes are in use here; choose a smaller batch, length or model";
  }

  /** Returns when no kernel uses the storage any more, also none of another thread. */
  @Override
  public void free(Storage storage) {
    Arena arena;
    synchronized (arenas) {
      arena = arenas.remove(storage);
      if (arena == null && !mapped.remove(storage)) {
        throw new IllegalArgumentException(
            "CpuBackend.free: storage of "
                + storage.byteSize()
                + " bytes is not in use here, expected one from allocate or map that was not"
                + " freed");
      }
    }
    // Kernels of other threads may be using it; those that begin later see that it is free.
    ((CpuStorage) storage).free();
    pool.awaitCallers();
    if (arena != null) {
      arena.close();
    }
  }

  @Override
  public void write(MemorySegment source, Storage target, long targetByteOffset) {
    MemorySegment memory = ((CpuStorage) target).segment();
    MemorySegment.copy(source, 0, memory, targetByteOffset, source.byteSize());
  }

  @Override
  public void read(Storage source, long sourceByteOffset, MemorySegment target) {
    MemorySegment memory = ((CpuStorage) source).segment();
    MemorySegment.copy(memory, sourceByteOffset, target, 0, target.byteSize());
    kernels.afterRead();
  }

  @Override
  public void synchronize() {
    // Every kernel has ended when its call returns.
  }

  @Override
  public MatmulKernels matmul() {
    return kernels.matmul();
  }

  @Override
  public ScanKernels scan() {
    return kernels.scan();
  }

  @Override
  public SsdKernels ssd() {
    return kernels.ssd();
  }

  @Override
  public ConvKernels conv() {
    return kernels.conv();
  }

  @Override
  public NormKernels norm() {
    return kernels.norm();
  }

  @Override
  public ElementwiseKernels elementwise() {
    return kernels.elementwise();
  }

  @Override
  public LossKernels loss() {
    return kernels.loss();
  }

  @Override
  public GatherKernels gather() {
    return kernels.gather();
  }

  @Override
  public OptimizerKernels optimizer() {
    return kernels.optimizer();
  }

  /** Waits for kernels that other threads run, then ends the threads and frees all memory. */
  @Override
  public void close() {
    synchronized (arenas) {
      closed = true;
    }
    pool.close();
    synchronized (arenas) {
      arenas.values().forEach(Arena::close);
      arenas.clear();
      mapped.clear();
    }
  }
}
