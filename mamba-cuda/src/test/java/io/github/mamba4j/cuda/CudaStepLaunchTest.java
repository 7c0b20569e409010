package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels.Layer;
import io.github.mamba4j.spi.StepKernels.Shape;
import io.github.mamba4j.spi.StepKernels.Step;
import io.github.mamba4j.spi.View;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The host side of steps, without a GPU. */
class CudaStepLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaStep kernels = new CudaStep(launcher);

  private static View matrix(DType type, int cols) {
    return new View(new DeviceMemory(1 << 20, 1 << 20), type, 0, cols);
  }

  private static List<Layer> layers(Shape shape, DType large, int count) {
    View channels = matrix(DType.F32, shape.dInner());
    Layer layer =
        new Layer(
            matrix(DType.F32, shape.dModel()),
            matrix(large, shape.dModel()),
            null,
            channels,
            channels,
            channels,
            matrix(DType.F32, shape.dtRank()),
            channels,
            channels,
            channels,
            matrix(large, shape.dInner()),
            null,
            channels,
            channels);
    return Collections.nCopies(count, layer);
  }

  private void run(int rows, int dModel, int count) {
    Shape shape = StepCase.shape(rows, dModel, 2 * dModel, 16, 4, dModel / 16);
    View stream = matrix(DType.F32, dModel);
    List<Layer> layers = layers(shape, DType.BF16, count);
    assertThat(kernels.takes(shape, layers)).isTrue();
    assertThat(kernels.workspaceFloats(shape, count)).isPositive();
    kernels.step(new Step(shape, layers, stream, stream, stream));
  }

  @ParameterizedTest
  @CsvSource({"768, 24, 2", "2560, 64, 3"})
  void step_oneSequence_isOneLaunchWithAllTheRoomThereIs(int dModel, int count, int launches) {
    run(1, dModel, count);
    assertThat(launcher.launched).hasSize(launches);
    assertThat(launcher.launched.getLast()).isEqualTo("mamba_step");
    Grid grid = launcher.grids.getLast();
    assertThat(grid.sharedBytes()).isLessThanOrEqualTo(launcher.sharedBytes());
    // All that there is but less than a stage of each warp: what is asked for ahead.
    assertThat(grid.sharedBytes()).isGreaterThan(launcher.sharedBytes() - 40_000);
  }

  @ParameterizedTest
  @CsvSource({"64, 768, 24", "64, 2560, 64", "64, 1024, 48", "7, 256, 6", "2, 2560, 64"})
  void step_severalSequences_areFourLaunchesABlockOnAllMultiprocessors(
      int rows, int dModel, int count) {
    run(rows, dModel, count);
    assertThat(launcher.launched).hasSize(1 + 4 * count);
    assertThat(launcher.launched.subList(0, 5))
        .containsExactly("batch_begin", "batch_in", "batch_project", "batch_scan", "batch_out");
    for (Grid grid : launcher.grids) {
      assertThat(grid.sharedBytes()).isLessThanOrEqualTo(launcher.sharedBytes());
    }
    Grid in = launcher.grids.get(1);
    assertThat(in.x() * in.y()).isBetween(dModel / 32, 2 * launcher.multiprocessors());
  }

  /**
   * Each multiprocessor has a block at most, and the scan's begin beside the small projection's.
   */
  @Test
  void step_manySequences_leaveNoMultiprocessorTwoBlocks() {
    assertThat(launcher.multiprocessors()).isEqualTo(132);
    run(64, 768, 24);
    assertThat(launcher.grids.subList(1, 5).stream().map(grid -> grid.x() * grid.y() * grid.z()))
        .containsExactly(128, 4 * 15, 48 * 8, 96);
  }

  @Test
  void takes_otherWeights_saysNo() {
    Shape shape = StepCase.shape(1, 768, 1536, 16, 4, 48);
    for (DType large : new DType[] {DType.F32, DType.F16, DType.INT8}) {
      assertThat(kernels.takes(shape, layers(shape, large, 2))).as("%s", large).isFalse();
    }
  }

  @Test
  void workspace_moreRowsOrLayers_isMore() {
    Shape one = StepCase.shape(1, 768, 1536, 16, 4, 48);
    Shape two = StepCase.shape(2, 768, 1536, 16, 4, 48);
    Shape many = StepCase.shape(64, 768, 1536, 16, 4, 48);
    assertThat(kernels.workspaceFloats(one, 64)).isGreaterThan(kernels.workspaceFloats(one, 24));
    assertThat(kernels.workspaceFloats(many, 24)).isGreaterThan(kernels.workspaceFloats(two, 24));
  }
}
