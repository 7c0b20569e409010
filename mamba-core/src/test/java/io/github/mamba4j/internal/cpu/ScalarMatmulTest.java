package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.MatmulKernelsContract;
import io.github.mamba4j.spi.Backend;

final class ScalarMatmulTest extends MatmulKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.scalar(threads);
  }
}
