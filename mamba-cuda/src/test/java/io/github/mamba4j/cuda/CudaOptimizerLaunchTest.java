package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.OptimizerKernels.Slot;
import io.github.mamba4j.spi.View;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The host side of the optimiser's kernels, without a GPU. */
class CudaOptimizerLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final OptimizerKernels kernels = new CudaOptimizer(launcher);
  private final View view = new View(new DeviceMemory(1 << 20, 1L << 40), DType.F32, 0, 1);

  private Slot slot(long count) {
    return new Slot(count, view, view, view, view, 0.1f, null);
  }

  private void step(List<Slot> slots) {
    kernels.adamW(new OptimizerKernels.AdamW(slots, view, view, 1, 0.9f, 0.95f, 1e-8f));
  }

  @Test
  void launches_everyKernel_haveTheParametersOfItsSignature() {
    kernels.gradNorm(List.of(slot(5)), view, view);
    step(List.of(slot(5)));
    launcher.assertAllLaunched("optimizer");
  }

  @Test
  void launches_manyTensors_areFew() {
    step(Collections.nCopies(62, slot(4097)));
    assertThat(launcher.grids).containsExactly(new Grid(124, 1, 256, 1));
    step(Collections.nCopies(216, slot(1)));
    assertThat(launcher.launched).hasSize(4);
    kernels.gradNorm(Collections.nCopies(252, slot(8193)), view, view);
    assertThat(launcher.launched.subList(4, 6)).containsExactly("squares", "whole_norm");
    assertThat(launcher.grids.get(4)).isEqualTo(new Grid(504, 1, 256, 1));
  }

  @Test
  void launches_noTensors_areTheNormAlone() {
    kernels.gradNorm(List.of(), view, view);
    step(List.of());
    assertThat(launcher.launched).containsExactly("whole_norm");
  }

  @Test
  void launches_hugeTensor_areCutWhereCountsEnd() {
    List<Slot> slots = List.of(slot(3), slot((1L << 31) + 1));
    assertThat(kernels.normWorkspaceFloats(slots)).isEqualTo(1 + (1 << 18) + 1);
    kernels.gradNorm(slots, view, view);
    step(slots);
    assertThat(launcher.grids.getFirst().x()).isEqualTo(1 + (1 << 18) + 1);
    assertThat(launcher.grids.getLast().x()).isEqualTo(1 + (1 << 19) + 1);
  }
}
