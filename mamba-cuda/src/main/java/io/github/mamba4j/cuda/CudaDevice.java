package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.CudaDriver.check;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
import static jcuda.driver.CUevent_flags.CU_EVENT_DISABLE_TIMING;
import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;

import io.github.mamba4j.cuda.HostPages.HostAddress;
import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * One GPU: its context, one stream on which everything runs in order, another for what runs beside
 * it, its memory and the kernels that are loaded. Several threads may use it; what one of them
 * captures the others wait for.
 */
final class CudaDevice implements Gpu {
  /**
   * Shared memory that launches size and may have beside what the kernel declares; a launch may
   * have 48 KiB in all, and more is asked for first.
   */
  private static final int SHARED_WITHOUT_ASKING = 24 << 10;

  /** The compute capability from which on kernels begin early, times ten. */
  private static final int EARLY_CAPABILITY = 90;

  /** The address of memory that the driver made. */
  private static final class Root extends CUdeviceptr {
    long address() {
      return getNativePointer();
    }
  }

  /** A kernel's function whose handle a call of the driver can be given. */
  private static final class Function extends CUfunction {
    long handle() {
      return getNativePointer();
    }
  }

  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final CudaStream stream = new CudaStream();
  private final CudaStream side = new CudaStream();
  private final CUevent forked = new CUevent();
  private final CUevent joined = new CUevent();

  /** Whether launches go to the side. */
  private boolean beside;

  /** Whether the stream has yet to wait for the side. */
  private boolean forks;

  private final Map<PtxSource, CUmodule> modules = new HashMap<>();
  private final Map<Kernel, Function> functions = new HashMap<>();
  private final IdentityHashMap<Storage, Root> blocks = new IdentityHashMap<>();
  private final Set<CUgraphExec> graphs = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Guards all of the above. */
  private final ReentrantLock lock = new ReentrantLock();

  /** Parameters of the launch under way and their size, where {@link #launchExtra} points. */
  private final ByteBuffer packed =
      ByteBuffer.allocateDirect(Arguments.MOST_BYTES).order(ByteOrder.nativeOrder());

  private final long[] packedBytes = new long[1];
  private final Pointer launchExtra =
      Pointer.to(
          JCudaDriver.CU_LAUNCH_PARAM_BUFFER_POINTER,
          Pointer.to(packed),
          JCudaDriver.CU_LAUNCH_PARAM_BUFFER_SIZE,
          Pointer.to(packedBytes),
          JCudaDriver.CU_LAUNCH_PARAM_END);
  private final PinnedRing pinned;
  private final HostPages hostPages = new HostPages(context, stream, lock);
  private final int multiprocessors;
  private final int sharedBytes;
  private final int capability;
  private final @Nullable EarlyLaunch early;
  private boolean closed;

  /**
   * Opens a GPU.
   *
   * @param index which one
   * @throws IllegalStateException if there is none, or the driver refuses
   */
  CudaDevice(int index) {
    check(JCudaDriver.cuInit(0), "cuInit");
    check(JCudaDriver.cuDeviceGet(device, index), "cuDeviceGet(" + index + ")");
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    int[] least = new int[1];
    int[] greatest = new int[1];
    check(JCudaDriver.cuCtxGetStreamPriorityRange(least, greatest), "cuCtxGetStreamPriorityRange");
    create(stream, greatest[0]);
    create(side, least[0]);
    check(JCudaDriver.cuEventCreate(forked, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    check(JCudaDriver.cuEventCreate(joined, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    pinned = new PinnedRing(stream);
    multiprocessors = CudaDriver.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
    sharedBytes =
        CudaDriver.attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device);
    capability = CudaDriver.capability(device);
    early = capability >= EARLY_CAPABILITY ? EarlyLaunch.open().orElse(null) : null;
  }

  private static void create(CudaStream stream, int priority) {
    int result = JCudaDriver.cuStreamCreateWithPriority(stream, CU_STREAM_NON_BLOCKING, priority);
    check(result, "cuStreamCreateWithPriority");
  }

  /** Takes the lock and makes the context the calling thread's. */
  private void enter() {
    lock.lock();
    if (closed) {
      lock.unlock();
      throw new IllegalStateException("CudaDevice: the device is closed, open a new one");
    }
    check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  @Override
  public String name() {
    byte[] name = new byte[256];
    check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
    int end = 0;
    while (end < name.length && name[end] != 0) {
      end++;
    }
    return new String(name, 0, end, StandardCharsets.US_ASCII);
  }

  @Override
  public DeviceMemory allocate(long bytes) {
    enter();
    try {
      Root root = new Root();
      int result = JCudaDriver.cuMemAlloc(root, bytes);
      if (result == CUDA_ERROR_OUT_OF_MEMORY) {
        throw new OutOfMemoryError(notEnough(bytes));
      }
      check(result, "cuMemAlloc(" + bytes + ")");
      check(JCudaDriver.cuMemsetD8Async(root, (byte) 0, bytes, stream()), "cuMemsetD8Async");
      DeviceMemory memory = new DeviceMemory(root.address(), bytes);
      blocks.put(memory, root);
      return memory;
    } finally {
      lock.unlock();
    }
  }

  private static String notEnough(long bytes) {
    long[] free = new long[1];
    long[] total = new long[1];
    check(JCudaDriver.cuMemGetInfo(free, total), "cuMemGetInfo");
    return "CudaDevice.allocate: "
        + bytes
        + " bytes were asked for, "
        + free[0]
        + " of the GPU's "
        + total[0]
        + " are free; choose a smaller batch, length or model";
  }

  @Override
  public void free(Storage storage) {
    enter();
    try {
      check(JCudaDriver.cuMemFree(root(storage)), "cuMemFree");
      blocks.remove(storage);
    } finally {
      lock.unlock();
    }
  }

  private Root root(Storage storage) {
    Root root = blocks.get(storage);
    if (root == null) {
      throw new IllegalArgumentException(
          "CudaDevice: storage of " + storage.byteSize() + " bytes is not in use on this device");
    }
    return root;
  }

  @Override
  public void write(MemorySegment source, Storage target, long targetByteOffset) {
    if (source.byteSize() > PinnedRing.SLOT) {
      writeAndWait(source, target, targetByteOffset);
      return;
    }
    enter();
    try {
      pinned.write(source, root(target).withByteOffset(targetByteOffset));
    } finally {
      lock.unlock();
    }
  }

  private void writeAndWait(MemorySegment source, Storage target, long targetByteOffset) {
    MemorySegment host =
        source.isNative() ? source : Arena.ofAuto().allocate(source.byteSize(), 16);
    if (!source.isNative()) {
      host.copyFrom(source);
    }
    enter();
    try {
      CUdeviceptr to = root(target).withByteOffset(targetByteOffset);
      Pointer from = new HostAddress(host.address());
      check(JCudaDriver.cuMemcpyHtoDAsync(to, from, host.byteSize(), stream), "cuMemcpyHtoDAsync");
      pinned.synchronize();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void read(Storage source, long sourceByteOffset, MemorySegment target) {
    if (target.byteSize() > PinnedRing.SLOT) {
      readMuch(source, sourceByteOffset, target);
      return;
    }
    enter();
    try {
      pinned.read(root(source).withByteOffset(sourceByteOffset), target);
    } finally {
      lock.unlock();
    }
  }

  private void readMuch(Storage source, long sourceByteOffset, MemorySegment target) {
    MemorySegment host =
        target.isNative() ? target : Arena.ofAuto().allocate(target.byteSize(), 16);
    enter();
    try {
      CUdeviceptr from = root(source).withByteOffset(sourceByteOffset);
      Pointer to = new HostAddress(host.address());
      check(JCudaDriver.cuMemcpyDtoHAsync(to, from, host.byteSize(), stream), "cuMemcpyDtoHAsync");
      pinned.synchronize();
    } finally {
      lock.unlock();
    }
    if (!target.isNative()) {
      target.copyFrom(host);
    }
  }

  @Override
  public Runnable readLater(Storage source, long sourceByteOffset, MemorySegment target) {
    enter();
    try {
      CUdeviceptr from = root(source).withByteOffset(sourceByteOffset);
      Pointer to = new HostAddress(target.address());
      int result = JCudaDriver.cuMemcpyDtoHAsync(to, from, target.byteSize(), stream);
      check(result, "cuMemcpyDtoHAsync");
      return hostPages.end();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public MemorySegment hostMemory(long bytes, Arena arena) {
    enter();
    try {
      return hostPages.allocate(bytes, arena);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void synchronize() {
    enter();
    try {
      pinned.synchronize();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    enter();
    try {
      packed.clear().put(arguments.packed());
      packedBytes[0] = packed.position();
      int result =
          JCudaDriver.cuLaunchKernel(
              function(kernel, grid.sharedBytes()),
              grid.x(),
              grid.y(),
              grid.z(),
              grid.threadsX(),
              grid.threadsY(),
              1,
              grid.sharedBytes(),
              stream(),
              null,
              launchExtra);
      check(result, "launch of " + kernel + ", " + grid);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean launchesEarly() {
    return early != null;
  }

  @Override
  public void launchEarly(Kernel kernel, Grid grid, Arguments arguments) {
    EarlyLaunch present = early;
    if (present == null) {
      launch(kernel, grid, arguments);
      return;
    }
    enter();
    try {
      long handle = function(kernel, grid.sharedBytes()).handle();
      int result = present.launch(handle, grid, stream.handle(), arguments);
      check(result, "early launch of " + kernel + ", " + grid);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
    enter();
    try {
      packed.clear().put(arguments.packed());
      Pointer first = Pointer.to(packed);
      Pointer[] each =
          arguments.offsets().stream().map(first::withByteOffset).toArray(Pointer[]::new);
      int result =
          JCudaDriver.cuLaunchCooperativeKernel(
              function(kernel, grid.sharedBytes()),
              grid.x(),
              grid.y(),
              grid.z(),
              grid.threadsX(),
              grid.threadsY(),
              1,
              grid.sharedBytes(),
              stream(),
              Pointer.to(each));
      check(result, "launch of " + kernel + " together, " + grid);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public CudaStream stream() {
    return beside ? side : stream;
  }

  @Override
  public boolean isBeside() {
    return beside;
  }

  @Override
  public void beside(Runnable first, Runnable second) {
    enter();
    try {
      check(JCudaDriver.cuEventRecord(forked, stream), "cuEventRecord");
      check(JCudaDriver.cuStreamWaitEvent(side, forked, 0), "cuStreamWaitEvent");
      try {
        first.run();
        beside = true;
        second.run();
      } finally {
        beside = false;
        forks = true;
        check(JCudaDriver.cuEventRecord(joined, side), "cuEventRecord");
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void joinBeside() {
    enter();
    try {
      if (forks) {
        forks = false;
        check(JCudaDriver.cuStreamWaitEvent(stream, joined, 0), "cuStreamWaitEvent");
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void call(Runnable calls) {
    together(calls);
  }

  @Override
  public void together(Runnable launches) {
    enter();
    try {
      launches.run();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int multiprocessors() {
    return multiprocessors;
  }

  @Override
  public int capability() {
    return capability;
  }

  @Override
  public int sharedBytes() {
    return sharedBytes;
  }

  private Function function(Kernel kernel, int sharedBytes) {
    Function function =
        functions.computeIfAbsent(
            kernel,
            key -> {
              Function loaded = new Function();
              CUmodule module = modules.computeIfAbsent(key.source(), CudaDevice::load);
              check(JCudaDriver.cuModuleGetFunction(loaded, module, key.name()), "loading " + key);
              return loaded;
            });
    if (sharedBytes > SHARED_WITHOUT_ASKING) {
      int result =
          JCudaDriver.cuFuncSetAttribute(
              function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
      check(result, "asking for " + sharedBytes + " bytes of shared memory for " + kernel);
    }
    return function;
  }

  private static CUmodule load(PtxSource source) {
    CUmodule module = new CUmodule();
    check(JCudaDriver.cuModuleLoadData(module, source.text()), "loading " + source + ".ptx");
    return module;
  }

  @Override
  public Replay capture(List<Runnable> launches) {
    enter();
    try {
      // Of another thread: what is captured cannot wait for what is not, nor the other way round.
      joinBeside();
      CUgraph graph = new CUgraph();
      check(
          JCudaDriver.cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
          "cuStreamBeginCapture");
      try {
        launches.forEach(Runnable::run);
      } finally {
        joinBeside();
        check(JCudaDriver.cuStreamEndCapture(stream, graph), "cuStreamEndCapture");
      }
      CUgraphExec exec = new CUgraphExec();
      check(JCudaDriver.cuGraphInstantiate(exec, graph, 0), "cuGraphInstantiate");
      check(JCudaDriver.cuGraphDestroy(graph), "cuGraphDestroy");
      graphs.add(exec);
      return new Graph(exec);
    } finally {
      lock.unlock();
    }
  }

  /** A captured graph. */
  private final class Graph implements Replay {
    private final CUgraphExec exec;

    Graph(CUgraphExec exec) {
      this.exec = exec;
    }

    @Override
    public void run() {
      enter();
      try {
        check(JCudaDriver.cuGraphLaunch(exec, stream), "cuGraphLaunch");
      } finally {
        lock.unlock();
      }
    }

    /** The driver keeps a graph that still runs until it has ended. */
    @Override
    public void close() {
      lock.lock();
      try {
        if (graphs.remove(exec)) {
          check(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
          check(JCudaDriver.cuGraphExecDestroy(exec), "cuGraphExecDestroy");
        }
      } finally {
        lock.unlock();
      }
    }
  }

  @Override
  public int held() {
    return blocks.size() + graphs.size() + modules.size();
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      enter();
      lock.unlock();
      check(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
      graphs.forEach(JCudaDriver::cuGraphExecDestroy);
      modules.values().forEach(JCudaDriver::cuModuleUnload);
      blocks.values().forEach(JCudaDriver::cuMemFree);
      graphs.clear();
      modules.clear();
      functions.clear();
      blocks.clear();
      pinned.close();
      hostPages.close();
      JCudaDriver.cuEventDestroy(forked);
      JCudaDriver.cuEventDestroy(joined);
      JCudaDriver.cuStreamDestroy(side);
      JCudaDriver.cuStreamDestroy(stream);
      check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
      closed = true;
    } finally {
      lock.unlock();
    }
  }
}
