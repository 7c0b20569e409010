package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.OptimizerKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorOptimizerTest extends OptimizerKernelsContract {
  @Override
  OptimizerKernels kernels(WorkerPool pool) {
    return new VectorOptimizer(pool);
  }
}
