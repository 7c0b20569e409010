package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.CudaDriver.check;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/**
 * Host memory that the GPU copies from while the host goes on, for small things such as the tokens
 * of a step: a copy from other memory would have to be waited for.
 *
 * <p>Slots are taken in turn. Whoever finds none that is free waits for the stream, after which all
 * are. For one thread at a time, with the context current.
 */
final class PinnedRing {
  /** The most bytes of a copy. */
  static final int SLOT = 4096;

  private static final int SLOTS = 64;

  private final CudaStream stream;
  private final Pointer memory = new Pointer();
  private final MemorySegment host;
  private int taken;

  PinnedRing(CudaStream stream) {
    this.stream = stream;
    check(JCudaDriver.cuMemHostAlloc(memory, (long) SLOTS * SLOT, 0), "cuMemHostAlloc");
    host = MemorySegment.ofBuffer(memory.getByteBuffer(0, (long) SLOTS * SLOT));
  }

  /** Copies up to {@link #SLOT} bytes in order with the kernels; the source is free at once. */
  void copy(MemorySegment source, CUdeviceptr target) {
    if (taken == SLOTS) {
      check(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
      released();
    }
    long at = (long) taken * SLOT;
    taken++;
    MemorySegment.copy(source, 0, host, at, source.byteSize());
    Pointer from = memory.withByteOffset(at);
    check(
        JCudaDriver.cuMemcpyHtoDAsync(target, from, source.byteSize(), stream),
        "cuMemcpyHtoDAsync");
  }

  /** Says that the stream has been waited for: all slots are free. */
  void released() {
    taken = 0;
  }

  void close() {
    check(JCudaDriver.cuMemFreeHost(memory), "cuMemFreeHost");
  }
}
