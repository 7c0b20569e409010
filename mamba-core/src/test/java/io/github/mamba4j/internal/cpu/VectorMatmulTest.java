package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.MatmulKernelsContract;
import io.github.mamba4j.spi.Backend;
import org.junit.jupiter.api.condition.EnabledIf;

@EnabledIf(VectorModule.PRESENT)
final class VectorMatmulTest extends MatmulKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.vector(threads);
  }
}
