package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.CudaDriver.check;
import static jcuda.driver.CUevent_flags.CU_EVENT_DISABLE_TIMING;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/**
 * Host memory that the GPU writes to itself, and the ends of copies to it, which are waited for
 * while later work runs.
 */
final class HostPages {
  /** Host memory by its address. */
  static final class HostAddress extends Pointer {
    HostAddress(long address) {
      super(address);
    }
  }

  /** What is pinned, so that no two allocations share some: the second could not be pinned. */
  private static final long PAGE = 4096;

  private final CUcontext context;
  private final CudaStream stream;
  private final ReentrantLock lock;
  private final Set<Pointer> pins = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Queue<CUevent> idle = new ArrayDeque<>();
  private boolean closed;

  /** Makes none yet; the lock guards the device, and all here. */
  HostPages(CUcontext context, CudaStream stream, ReentrantLock lock) {
    this.context = context;
    this.stream = stream;
    this.lock = lock;
  }

  /**
   * Allocates memory that the GPU writes to, until its arena ends; what cannot be such is memory
   * like any other. With the lock, and the context current.
   */
  @SuppressWarnings("restricted") // The memory stays what it is, but for what its end brings.
  MemorySegment allocate(long bytes, Arena arena) {
    MemorySegment memory = arena.allocate(Math.ceilDiv(bytes, PAGE) * PAGE, PAGE);
    Pointer pages = new HostAddress(memory.address());
    if (JCudaDriver.cuMemHostRegister(pages, memory.byteSize(), 0) == CUDA_SUCCESS) {
      pins.add(pages);
      memory = memory.reinterpret(arena, ended -> unpin(pages));
    }
    return memory.asSlice(0, bytes);
  }

  private void unpin(Pointer pages) {
    lock.lock();
    try {
      if (pins.remove(pages)) {
        check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
        check(JCudaDriver.cuMemHostUnregister(pages), "cuMemHostUnregister");
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns what waits for all that the stream has to do now, to be run once. With the lock, and
   * the context current; the wait needs neither.
   */
  Runnable end() {
    CUevent known = idle.poll();
    CUevent event = known == null ? new CUevent() : known;
    if (known == null) {
      check(JCudaDriver.cuEventCreate(event, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    }
    check(JCudaDriver.cuEventRecord(event, stream), "cuEventRecord");
    return () -> await(event);
  }

  /** Without the lock, so that others hand the GPU work meanwhile. */
  private void await(CUevent event) {
    check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    check(JCudaDriver.cuEventSynchronize(event), "cuEventSynchronize");
    lock.lock();
    try {
      if (closed) {
        check(JCudaDriver.cuEventDestroy(event), "cuEventDestroy");
      } else {
        idle.add(event);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets go of all; with the lock, and the context current. */
  void close() {
    closed = true;
    pins.forEach(JCudaDriver::cuMemHostUnregister);
    pins.clear();
    idle.forEach(JCudaDriver::cuEventDestroy);
    idle.clear();
  }
}
