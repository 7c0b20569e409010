package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarSsdTest extends SsdKernelsContract {
  @Override
  SsdKernels kernels(WorkerPool pool) {
    return new ScalarSsd(pool);
  }
}
