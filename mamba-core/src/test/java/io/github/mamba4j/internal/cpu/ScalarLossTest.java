package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.LossKernelsContract;
import io.github.mamba4j.spi.Backend;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarLossTest extends LossKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.scalar(threads);
  }
}
