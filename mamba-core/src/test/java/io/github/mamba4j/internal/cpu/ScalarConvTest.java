package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ConvKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarConvTest extends ConvKernelsContract {
  @Override
  ConvKernels kernels(WorkerPool pool) {
    return new ScalarConv(pool);
  }
}
