package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.MatmulKernels;

final class ScalarMatmulTest extends MatmulKernelsContract {
  @Override
  MatmulKernels kernels(WorkerPool pool) {
    return new ScalarMatmul(pool);
  }
}
