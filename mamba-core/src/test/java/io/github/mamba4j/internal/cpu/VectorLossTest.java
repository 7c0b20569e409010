package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.LossKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorLossTest extends LossKernelsContract {
  @Override
  LossKernels kernels(WorkerPool pool) {
    return new VectorLoss(pool);
  }
}
