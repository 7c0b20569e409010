package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.OptimizerKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarOptimizerTest extends OptimizerKernelsContract {
  @Override
  OptimizerKernels kernels(WorkerPool pool) {
    return new ScalarOptimizer(pool);
  }
}
