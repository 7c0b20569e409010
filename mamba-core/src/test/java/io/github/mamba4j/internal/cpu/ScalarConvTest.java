package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.ConvKernelsContract;
import io.github.mamba4j.spi.Backend;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarConvTest extends ConvKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.scalar(threads);
  }
}
