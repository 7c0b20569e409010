package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.GatherKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarGatherTest extends GatherKernelsContract {
  @Override
  GatherKernels kernels(WorkerPool pool) {
    return new CpuGather(pool, new ScalarRows());
  }
}
