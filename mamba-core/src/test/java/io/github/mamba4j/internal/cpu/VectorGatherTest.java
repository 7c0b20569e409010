package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.GatherKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorGatherTest extends GatherKernelsContract {
  @Override
  GatherKernels kernels(WorkerPool pool) {
    return new CpuGather(pool, new VectorRows());
  }
}
