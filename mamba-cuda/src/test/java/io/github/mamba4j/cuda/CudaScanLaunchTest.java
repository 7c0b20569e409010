package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The host side of the forward scans, without a GPU. */
class CudaScanLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaScan kernels = new CudaScan(launcher);
  private final View view = new View(new DeviceMemory(1 << 20, 1 << 20), DType.F32, 16, 40);

  @Test
  void launches_everyShape_haveTheParametersOfTheirSignaturesAndRoom() {
    for (Shape shape : ScanSources.SHAPES) {
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        for (boolean flag : new boolean[] {false, true}) {
          ScanSources.run(kernels, shape, type, flag, true);
          ScanSources.run(kernels, shape, type, true, flag);
        }
      }
    }
    assertThat(launcher.launched)
        .contains("scan_forward", "scan_step", "scan_ends", "scan_carry", "scan_long");
    for (Grid grid : launcher.grids) {
      assertThat(grid.sharedBytes()).isLessThanOrEqualTo(launcher.sharedBytes());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "8, 2048, 2048, 16, scan_forward, 1",
    "1, 524288, 2048, 16, scan_forward, 3",
    "1, 65536, 2048, 16, scan_long, 1",
    "1, 2048, 1536, 16, scan_long, 1",
    "1, 1048576, 256, 16, scan_forward, 3",
    "64, 1, 5120, 16, scan_step, 1"
  })
  void forward_measuredShapes_takeTheirWays(
      int batch, int length, int dInner, int dState, String kernel, int launches) {
    Shape shape = new Shape(batch, length, dInner, dState, Discretization.EULER, true);
    View x = new View(view.storage(), DType.BF16, 0, dInner);
    View floats = new View(view.storage(), DType.F32, 0, dInner);
    kernels.forward(ScanSources.forward(shape, x, floats));
    assertThat(launcher.launched).hasSize(launches).contains(kernel);
  }

  /** The workspace is asked for without a type; what fits on a GPU depends on it. */
  @Test
  void forwardWorkspace_ofGpusOfAnySize_isThereIfTimeIsCut() {
    for (int kilobytes : new int[] {48, 99, 163, 227}) {
      for (int length : new int[] {2048, 65_536, 524_288}) {
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
          Shape shape = new Shape(1, length, 2048, 16, Discretization.EULER, true);
          List<String> launched = new ArrayList<>();
          CudaScan small = new CudaScan(launcher(kilobytes << 10, launched));
          View x = new View(view.storage(), type, 0, 2048);
          small.forward(ScanSources.forward(shape, x, view));
          if (launched.size() > 1) {
            assertThat(small.forwardWorkspaceFloats(shape)).isPositive();
          }
        }
      }
    }
  }

  private static Launcher launcher(int sharedBytes, List<String> launched) {
    return new Launcher() {
      @Override
      public void launch(Kernel kernel, Grid grid, Arguments arguments) {
        launched.add(kernel.name());
      }

      @Override
      public int multiprocessors() {
        return 84;
      }

      @Override
      public int sharedBytes() {
        return sharedBytes;
      }
    };
  }

  /** What is rounded how may not depend on the sequences beside it. */
  @Test
  void forward_shortScans_takeTheSameFormInAnyBatch() {
    for (int length : new int[] {2, 64}) {
      for (int batch : new int[] {1, 5, 1000}) {
        Shape shape = new Shape(batch, length, 1536, 16, Discretization.EULER, true);
        assertThat(ScanForm.choose(shape, 1)).isEqualTo(ScanForm.choose(withOne(shape), 1));
        assertThat(kernels.forwardWorkspaceFloats(shape)).isZero();
      }
    }
  }

  private static Shape withOne(Shape shape) {
    return new Shape(
        1,
        shape.length(),
        shape.dInner(),
        shape.dState(),
        shape.discretization(),
        shape.softplus());
  }

  @Test
  void forms_anyStates_haveRoomForThemAndThreadsForTheirInputs() {
    for (int dState = 1; dState <= ScanForm.MOST_STATES; dState++) {
      for (int batch : new int[] {1, 8, 64, 1000}) {
        Shape shape = new Shape(batch, 1000, 1536, dState, Discretization.EULER, true);
        ScanForm form = ScanForm.choose(shape, 1);
        assertThat(form.states() * form.lanes()).isBetween(dState, 2 * dState);
        assertThat(32 * form.warps()).isGreaterThanOrEqualTo(form.states() * form.lanes());
        assertThat(form.grid(shape, 1, Float.BYTES).sharedBytes()).isLessThan(227 << 10);
      }
    }
    Shape tooMany = new Shape(1, 10, 16, 257, Discretization.EULER, true);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ScanForm.choose(tooMany, 1))
        .withMessageContaining("dState must be at most 256, got 257");
  }

  @Test
  void prefix_everyAlgorithm_launchesWithinTheLimits() {
    for (PrefixAlgorithm algorithm : PrefixAlgorithm.values()) {
      for (int width : new int[] {1, 40, 5000}) {
        for (int length : new int[] {1, 17, 100_000}) {
          View floats = new View(view.storage(), DType.F32, 0, width);
          kernels.prefix(
              new Prefix(3, length, width, true, floats, floats, null, floats, algorithm, floats));
        }
      }
    }
    launcher.assertAllLaunched("prefix");
    assertThat(kernels.prefixWorkspaceFloats(3, 1000, 7, PrefixAlgorithm.BLELLOCH))
        .isEqualTo(2L * 3 * 7 * (63 + 4));
  }
}
