package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.OptimizerKernelsContract;
import io.github.mamba4j.spi.Backend;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorOptimizerTest extends OptimizerKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.vector(threads);
  }
}
