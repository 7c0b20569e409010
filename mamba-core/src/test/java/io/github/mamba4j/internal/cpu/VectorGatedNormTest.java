package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.NormKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorGatedNormTest extends GatedNormContract {
  @Override
  NormKernels kernels(WorkerPool pool) {
    return new VectorNorm(pool);
  }
}
