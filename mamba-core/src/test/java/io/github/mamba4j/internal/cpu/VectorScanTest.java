package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.contract.ScanKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorScanTest extends ScanKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.vector(threads);
  }

  @ParameterizedTest
  @EnumSource(Discretization.class)
  void scan_moreStatesThanATileHolds_equalsTruth(Discretization discretization) {
    assertEqualsTruth(new Shape(1, 33, 17, 700, discretization, true));
  }
}
