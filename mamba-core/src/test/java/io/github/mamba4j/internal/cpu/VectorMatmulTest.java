package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.MatmulKernels;
import org.junit.jupiter.api.condition.EnabledIf;

@EnabledIf(VectorModule.PRESENT)
final class VectorMatmulTest extends MatmulKernelsContract {
  @Override
  MatmulKernels kernels(WorkerPool pool) {
    return new VectorMatmul(pool);
  }
}
