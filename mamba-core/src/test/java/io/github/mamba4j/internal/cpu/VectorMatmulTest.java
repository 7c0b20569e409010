package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.MatmulKernels;

final class VectorMatmulTest extends MatmulKernelsContract {
  @Override
  MatmulKernels kernels(WorkerPool pool) {
    return new VectorMatmul(pool);
  }
}
