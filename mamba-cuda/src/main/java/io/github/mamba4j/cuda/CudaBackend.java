package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.StepKernels;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/** A GPU as a backend: its memory and all kernel families. */
final class CudaBackend implements Backend {
  private final Gpu gpu;
  private final ElementwiseKernels elementwise;
  private final NormKernels norm;
  private final ConvKernels conv;
  private final GatherKernels gather;
  private final SsdKernels ssd;
  private final ScanKernels scan;
  private final CudaMatmul matmul;
  private final LossKernels loss;
  private final OptimizerKernels optimizer;
  private final StepKernels step;
  private final SamplingKernels sampling;

  CudaBackend(Gpu gpu) {
    this.gpu = gpu;
    elementwise = new CudaElementwise(gpu);
    norm = new CudaNorm(gpu);
    conv = new CudaConv(gpu);
    gather = new CudaGather(gpu);
    ssd = new CudaSsd(gpu);
    scan = new CudaScan(gpu);
    matmul = new CudaMatmul(gpu);
    loss = new CudaLoss(gpu);
    optimizer = new CudaOptimizer(gpu);
    step = new CudaStep(gpu);
    sampling = new CudaSampling(gpu);
  }

  /** Returns the GPU that this is a backend of. */
  Gpu gpu() {
    return gpu;
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public String describe() {
    return "cuda: " + gpu.name() + ", " + gpu.multiprocessors() + " multiprocessors";
  }

  @Override
  public String kernels() {
    return "ptx";
  }

  @Override
  public boolean computesIn(DType activations) {
    return activations == DType.F32 || activations == DType.BF16;
  }

  /** The rows from which on products are limited by arithmetic alone. */
  @Override
  public int pieceLength() {
    return 2048;
  }

  @Override
  public Storage allocate(long bytes) {
    return gpu.allocate(bytes);
  }

  @Override
  public MemorySegment hostMemory(long bytes, Arena arena) {
    return gpu.hostMemory(bytes, arena);
  }

  @Override
  public Storage map(MemorySegment memory) {
    if (!memory.isNative() || memory.byteSize() == 0) {
      throw new IllegalArgumentException(
          "CudaBackend.map: memory must be outside the heap and not empty, got " + memory);
    }
    DeviceMemory copy = gpu.allocate(memory.byteSize());
    gpu.write(memory, copy, 0);
    return copy;
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
  public Runnable readLater(Storage source, long sourceByteOffset, MemorySegment target) {
    return gpu.readLater(source, sourceByteOffset, target);
  }

  @Override
  public void synchronize() {
    gpu.synchronize();
  }

  /** Few shapes fill all multiprocessors to the end, and sums of parts never do. */
  @Override
  public boolean runsBeside() {
    return true;
  }

  @Override
  public void beside(Runnable first, Runnable second) {
    gpu.beside(first, second);
  }

  @Override
  public void joinBeside() {
    gpu.joinBeside();
  }

  @Override
  public Replay capture(List<Runnable> launches) {
    return gpu.capture(launches);
  }

  @Override
  public MatmulKernels matmul() {
    return matmul;
  }

  @Override
  public ScanKernels scan() {
    return scan;
  }

  @Override
  public SsdKernels ssd() {
    return ssd;
  }

  @Override
  public ConvKernels conv() {
    return conv;
  }

  @Override
  public NormKernels norm() {
    return norm;
  }

  @Override
  public ElementwiseKernels elementwise() {
    return elementwise;
  }

  @Override
  public LossKernels loss() {
    return loss;
  }

  @Override
  public GatherKernels gather() {
    return gather;
  }

  @Override
  public OptimizerKernels optimizer() {
    return optimizer;
  }

  @Override
  public Optional<StepKernels> step() {
    return Optional.of(step);
  }

  @Override
  public Optional<SamplingKernels> sampling() {
    return Optional.of(sampling);
  }

  @Override
  public void close() {
    matmul.close();
    gpu.close();
  }
}
