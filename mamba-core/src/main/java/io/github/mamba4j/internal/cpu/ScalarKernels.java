package io.github.mamba4j.internal.cpu;

/** The kernels in plain loops, which run on any JVM. */
final class ScalarKernels {
  private ScalarKernels() {}

  static KernelSet create(WorkerPool pool) {
    return new KernelFamilies(
        "scalar",
        new ScalarMatmul(pool),
        new ScalarScan(pool),
        new ScalarSsd(pool),
        new ScalarConv(pool),
        new ScalarNorm(pool),
        new ScalarElementwise(pool),
        new ScalarLoss(pool),
        new CpuGather(pool, new ScalarRows()),
        new ScalarOptimizer(pool));
  }
}
