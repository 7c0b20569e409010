package io.github.mamba4j.internal.cpu;

/** The kernels on the Vector API; loaded only where {@code jdk.incubator.vector} is. */
final class VectorKernels {
  private VectorKernels() {}

  static KernelSet create(WorkerPool pool) {
    return new KernelFamilies(
        "vector-" + VectorAccess.SPECIES.vectorBitSize(),
        new VectorMatmul(pool),
        new VectorScan(pool),
        new VectorSsd(pool),
        new VectorConv(pool),
        new VectorNorm(pool),
        new VectorElementwise(pool),
        new VectorLoss(pool),
        new CpuGather(pool, new VectorRows()),
        new VectorOptimizer(pool));
  }
}
