package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.contract.ScanKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
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

  @Test
  void forward_rowsThatLeaveTheirMemory_areRefused() {
    Shape shape = new Shape(1, 64, 16, 4, Discretization.EULER, true);
    try (Backend backend = open(1)) {
      View rows = new View(backend.allocate(64 * 16 * 4), DType.F32, 0, 16);
      View beyond = rows.plus(1);
      for (int which = 0; which < 4; which++) {
        View u = which == 0 ? beyond : rows;
        View dt = which == 1 ? beyond : rows;
        View z = which == 2 ? beyond : rows;
        View out = which == 3 ? beyond : rows;
        Inputs inputs = new Inputs(u, dt, rows, rows, rows, null, z, null, null);
        assertThatThrownBy(
                () -> backend.scan().forward(new Forward(shape, inputs, out, null, null, rows)))
            .isInstanceOf(IndexOutOfBoundsException.class)
            .hasMessageContaining("rows lie at elements 1 to 1025 of 1024");
      }
    }
  }
}
