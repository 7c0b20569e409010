package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.NormKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarGatedNormTest extends GatedNormContract {
  @Override
  NormKernels kernels(WorkerPool pool) {
    return new ScalarNorm(pool);
  }
}
