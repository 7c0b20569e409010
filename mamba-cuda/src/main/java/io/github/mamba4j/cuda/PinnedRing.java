package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.CudaDriver.check;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/**
 * Host memory that the GPU copies from and to without the driver's help, for small things such as
 * the tokens of a step: a copy from other memory would have to be waited for, one to it goes
 * through memory of the driver's.
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

  /** Returns where the next slot begins. */
  private long take() {
    if (taken == SLOTS) {
      synchronize();
    }
    return (long) taken++ * SLOT;
  }

  /** Copies up to {@link #SLOT} bytes in order with the kernels; the source is free at once. */
  void write(MemorySegment source, CUdeviceptr target) {
    long at = take();
    MemorySegment.copy(source, 0, host, at, source.byteSize());
    Pointer from = memory.withByteOffset(at);
    int result = JCudaDriver.cuMemcpyHtoDAsync(target, from, source.byteSize(), stream);
    check(result, "cuMemcpyHtoDAsync");
  }

  /** Copies up to {@link #SLOT} bytes when the kernels before have ended. */
  void read(CUdeviceptr source, MemorySegment target) {
    long at = take();
    Pointer to = memory.withByteOffset(at);
    int result = JCudaDriver.cuMemcpyDtoHAsync(to, source, target.byteSize(), stream);
    check(result, "cuMemcpyDtoHAsync");
    synchronize();
    MemorySegment.copy(host, at, target, 0, target.byteSize());
  }

  /** Waits for the stream, after which all slots are free. */
  void synchronize() {
    check(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
    taken = 0;
  }

  void close() {
    check(JCudaDriver.cuMemFreeHost(memory), "cuMemFreeHost");
  }
}
