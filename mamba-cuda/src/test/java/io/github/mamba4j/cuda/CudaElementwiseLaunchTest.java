package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.ElementwiseKernels.Axis;
import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The host side of the elementwise kernels, without a GPU. */
class CudaElementwiseLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final ElementwiseKernels kernels = new CudaElementwise(launcher);
  private final View view = new View(new DeviceMemory(1 << 20, 1 << 20), DType.F32, 16, 40);
  private final View half = new View(new DeviceMemory(1 << 20, 1 << 20), DType.BF16, 16, 40);

  @Test
  void launches_everyKernel_haveTheParametersOfItsSignature() {
    for (boolean add : new boolean[] {false, true}) {
      Sink sink = new Sink(view, add);
      for (Unary function : Unary.values()) {
        kernels.map(new ElementwiseKernels.Map(function, 3, 40, view, sink));
        kernels.mapBackward(new ElementwiseKernels.MapBackward(function, 3, 40, view, view, sink));
      }
      for (Binary function : Binary.values()) {
        kernels.combine(new ElementwiseKernels.Combine(function, 3, 40, view, view, sink));
      }
      for (View x : List.of(view, half)) {
        kernels.scale(new ElementwiseKernels.Scale(3, 40, 2, add ? view : null, x, sink));
        kernels.scale(new ElementwiseKernels.Scale(3, 40, 2, null, x, new Sink(half, add)));
        for (Axis axis : Axis.values()) {
          kernels.sum(new ElementwiseKernels.Sum(axis, 3, 40, 1, x, sink, view));
        }
      }
      kernels.transpose(new ElementwiseKernels.Transpose(3, 40, view, sink));
      kernels.decay(new ElementwiseKernels.Decay(3, 40, view, sink));
      kernels.decayBackward(new ElementwiseKernels.DecayBackward(3, 40, view, view, sink));
    }
    kernels.fill(view, 3, 40, 1);
    kernels.fill(half, 3, 40, 1);
    launcher.assertAllLaunched("elementwise");
  }

  @Test
  void grids_anySizes_areWithinTheLimitsAndReachEveryElement() {
    int[] sizes = {1, 31, 32, 33, 255, 256, 257, 65_535, 70_000, 2_000_000_000};
    for (int rows : sizes) {
      for (int cols : sizes) {
        Grid grid = Grid.over(rows, cols);
        assertThat(grid.y()).isBetween(1, Grid.MAX_Y);
        assertThat((long) grid.x() * grid.threadsX()).isGreaterThanOrEqualTo(Math.min(cols, 4096));
      }
    }
    kernels.transpose(new ElementwiseKernels.Transpose(100, 33, view, new Sink(view, false)));
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(2, 4, 32, 8));
  }

  @Test
  void workspace_sums_coversAllPartialSums() {
    assertThat(kernels.sumWorkspaceFloats(Axis.ROWS, 65, 10)).isEqualTo(20);
    assertThat(kernels.sumWorkspaceFloats(Axis.COLUMNS, 3, 1025)).isEqualTo(6);
  }

  @Test
  void arguments_packed_lieAtMultiplesOfTheirSize() {
    Arguments arguments = new Arguments().number(1).pointer(view).number(2f).wide(3);
    assertThat(arguments.packed().remaining()).isEqualTo(32);
    assertThat(arguments.packed().getLong(8)).isEqualTo((1 << 20) + 16 * Float.BYTES);
    assertThat(arguments.packed().getFloat(16)).isEqualTo(2f);
    assertThat(arguments.packed().getLong(24)).isEqualTo(3);
  }
}
