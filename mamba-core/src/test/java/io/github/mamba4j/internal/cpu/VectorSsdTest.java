package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorSsdTest extends SsdKernelsContract {
  @Override
  SsdKernels kernels(WorkerPool pool) {
    return new VectorSsd(pool);
  }
}
