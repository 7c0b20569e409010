package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.LossKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarLossTest extends LossKernelsContract {
  @Override
  LossKernels kernels(WorkerPool pool) {
    return new ScalarLoss(pool);
  }
}
