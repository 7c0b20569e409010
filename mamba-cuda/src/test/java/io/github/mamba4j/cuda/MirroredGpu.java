package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** A real GPU that copies shared host memory to itself before each launch, and back after it. */
final class MirroredGpu implements TestGpu {
  private final Gpu gpu;
  private final Map<DeviceMemory, MemorySegment> hosts = new IdentityHashMap<>();

  MirroredGpu(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public DeviceMemory share(MemorySegment host) {
    DeviceMemory memory = gpu.allocate(host.byteSize());
    hosts.put(memory, host);
    return memory;
  }

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    hosts.forEach((memory, host) -> gpu.write(host, memory, 0));
    gpu.launch(kernel, grid, arguments);
    hosts.forEach((memory, host) -> gpu.read(memory, 0, host));
  }

  @Override
  public int multiprocessors() {
    return gpu.multiprocessors();
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
  public Runnable capture(List<Runnable> launches) {
    return gpu.capture(launches);
  }

  @Override
  public int held() {
    return gpu.held();
  }

  @Override
  public void close() {
    gpu.close();
  }
}
