package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A real GPU that copies shared host memory to itself before each launch, and back after it; the
 * memory shared by every such GPU, since a test's memory and kernels may be of two of them.
 */
@SuppressWarnings("ReferenceEquality") // a GPU is one thing
final class MirroredGpu implements TestGpu {
  private record Mirror(Gpu gpu, DeviceMemory memory, MemorySegment host) {
    /** A test may have closed its memory before the backend. */
    boolean lives() {
      return host.scope().isAlive();
    }

    void upload() {
      if (lives()) {
        gpu.write(host, memory, 0);
      }
    }

    void download() {
      if (lives() && !host.isReadOnly()) {
        gpu.read(memory, 0, host);
      }
    }
  }

  /** All that is shared; tests of one thread only. */
  private static final List<Mirror> MIRRORS = new ArrayList<>();

  private final Gpu gpu;

  MirroredGpu(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public DeviceMemory share(MemorySegment host) {
    for (Mirror mirror : MIRRORS) {
      if (mirror.gpu == gpu && mirror.host.address() == host.address()) {
        return mirror.memory;
      }
    }
    DeviceMemory memory = gpu.allocate(host.byteSize());
    MIRRORS.add(new Mirror(gpu, memory, host));
    return memory;
  }

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    mirrored(() -> gpu.launch(kernel, grid, arguments));
  }

  @Override
  public void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
    mirrored(() -> gpu.launchTogether(kernel, grid, arguments));
  }

  @Override
  public boolean launchesEarly() {
    return gpu.launchesEarly();
  }

  @Override
  public void launchEarly(Kernel kernel, Grid grid, Arguments arguments) {
    mirrored(() -> gpu.launchEarly(kernel, grid, arguments));
  }

  @Override
  public void call(Runnable calls) {
    mirrored(() -> gpu.call(calls));
  }

  private void mirrored(Runnable launch) {
    MIRRORS.forEach(Mirror::upload);
    // Small writes of other GPUs are in streams of theirs.
    MIRRORS.forEach(mirror -> mirror.gpu.synchronize());
    launch.run();
    gpu.synchronize();
    MIRRORS.forEach(Mirror::download);
  }

  @Override
  public boolean isBeside() {
    return false;
  }

  @Override
  public void beside(Runnable first, Runnable second) {
    first.run();
    second.run();
  }

  @Override
  public void joinBeside() {}

  @Override
  public void together(Runnable launches) {
    gpu.together(launches);
  }

  @Override
  public @Nullable CudaStream stream() {
    return gpu.stream();
  }

  @Override
  public int capability() {
    return gpu.capability();
  }

  @Override
  public int multiprocessors() {
    return gpu.multiprocessors();
  }

  @Override
  public int sharedBytes() {
    return gpu.sharedBytes();
  }

  @Override
  public String name() {
    return gpu.name();
  }

  @Override
  public DeviceMemory allocate(long bytes) {
    return gpu.allocate(bytes);
  }

  @Override
  public void free(Storage storage) {
    gpu.free(storage);
  }

  @Override
  public void write(MemorySegment source, Storage target, long targetByteOffset) {
    gpu.write(source, target, targetByteOffset);
  }

  @Override
  public void read(Storage source, long sourceByteOffset, MemorySegment target) {
    gpu.read(source, sourceByteOffset, target);
  }

  @Override
  public void synchronize() {
    gpu.synchronize();
  }

  @Override
  public Replay capture(List<Runnable> launches) {
    return gpu.capture(launches);
  }

  @Override
  public int held() {
    return gpu.held();
  }

  @Override
  public void close() {
    MIRRORS.removeIf(mirror -> mirror.gpu == gpu);
    gpu.close();
  }
}
