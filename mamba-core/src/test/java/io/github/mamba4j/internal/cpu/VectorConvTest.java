package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ConvKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorConvTest extends ConvKernelsContract {
  @Override
  ConvKernels kernels(WorkerPool pool) {
    return new VectorConv(pool);
  }
}
