package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.GatedNormContract;
import io.github.mamba4j.spi.Backend;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarGatedNormTest extends GatedNormContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.scalar(threads);
  }
}
