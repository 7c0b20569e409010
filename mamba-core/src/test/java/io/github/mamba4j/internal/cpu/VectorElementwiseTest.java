package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ElementwiseKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorElementwiseTest extends ElementwiseKernelsContract {
  @Override
  ElementwiseKernels kernels(WorkerPool pool) {
    return new VectorElementwise(pool);
  }
}
