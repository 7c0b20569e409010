package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Collections;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The host side of the backward scan, without a GPU. */
class CudaScanBackwardLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaScanBackward kernels = new CudaScanBackward(launcher);

  private static Shape shape(int batch, int length, int channels, int states) {
    return new Shape(batch, length, channels, states, Discretization.EULER, true);
  }

  private static View view(DType type, long offset, long stride) {
    return new View(new DeviceMemory(1L << 30, 1L << 40), type, offset, stride);
  }

  private static Backward scan(Shape shape, View activations, boolean all) {
    View floats = view(DType.F32, 0, shape.dInner());
    Sink gradient = new Sink(activations, true);
    Sink sum = new Sink(floats, false);
    Inputs inputs =
        new Inputs(
            activations,
            activations,
            floats,
            activations,
            activations,
            all ? floats : null,
            all ? activations : null,
            all ? floats : null,
            null);
    Gradients gradients =
        all
            ? new Gradients(gradient, gradient, sum, gradient, gradient, sum, gradient, sum, sum)
            : new Gradients(null, null, null, null, null, null, null, null, sum);
    View states = all ? floats : null;
    return new Backward(shape, inputs, activations, states, floats, gradients, floats);
  }

  @Test
  void launches_ofAllKernels_haveTheParametersOfTheirSignatures() {
    kernels.run(scan(shape(2, 300, 40, 16), view(DType.BF16, 8, 64), true));
    launcher.assertAllLaunched(
        new PtxSource(
            "scan_backward",
            Map.of(
                "T", "bf16", "RULE", "euler", "S", "4", "MANY", "0", "WIDTH", "8", "WARPS", "4",
                "ADDS", "1")));
    launcher.assertAllLaunched(new PtxSource("scan_backward_fold", Map.of("T", "bf16")));
  }

  @Test
  void launches_ofOneGradient_leaveTheFoldsOut() {
    kernels.run(scan(shape(2, 30, 40, 16), view(DType.F32, 0, 64), false));
    assertThat(launcher.launched).containsExactly("backward");
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 8, 64, 40, 16, 8",
    "BF16, 8, 64, 44, 16, 2",
    "BF16, 8, 64, 40, 12, 2",
    "BF16, 8, 64, 40, 4, 8",
    "BF16, 8, 66, 40, 16, 2",
    "BF16, 2, 64, 40, 16, 2",
    "BF16, 3, 64, 40, 16, 1",
    "BF16, 8, 63, 40, 16, 1",
    "BF16, 8, 64, 39, 16, 1",
    "BF16, 8, 64, 40, 15, 1",
    "BF16, 8, 64, 40, 35, 8",
    "F32, 4, 44, 40, 16, 4",
    "F32, 4, 42, 40, 16, 2",
    "F32, 1, 44, 40, 16, 1"
  })
  void width_ofActivations_isWhatAllRowsAllow(
      DType type, int offset, int stride, int channels, int states, int width) {
    Shape shape = shape(1, 20, channels, states);
    Backward scan = scan(shape, view(type, offset, stride), true);
    assertThat(CudaScanBackward.width(scan, ScanBackwardForm.of(shape))).isEqualTo(width);
  }

  @Test
  void form_ofManyChannels_isOneRoundOfWholeSequences() {
    ScanBackwardForm form = ScanBackwardForm.of(shape(8, 2048, 2048, 16));
    assertThat(form).isEqualTo(new ScanBackwardForm(4, false, 4, 32, 8, 1, 128));
    assertThat(ScanBackwardForm.of(shape(64, 512, 512, 16)).groups()).isEqualTo(32);
    assertThat(ScanBackwardForm.of(shape(1_000_000, 1, 512, 16)).parts()).isLessThan(40);
  }

  @Test
  void form_ofFewChannels_cutsTime() {
    ScanBackwardForm form = ScanBackwardForm.of(shape(1, 65_536, 2048, 16));
    assertThat(form.chunks()).isEqualTo(8);
    assertThat(form.parts()).isEqualTo(8);
    assertThat(ScanBackwardForm.of(shape(1, 1 << 30, 16, 1)).chunks()).isEqualTo(264);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 64})
  void form_ofShortScans_doesNotDependOnTheBatch(int length) {
    assertThat(ScanBackwardForm.of(shape(1, length, 100, 16)).chunks()).isEqualTo(1);
  }

  @Test
  void sharedMemory_ofEveryForm_fitsSmallGpus() {
    for (int states : new int[] {1, 8, 16, 256}) {
      ScanBackwardForm form = ScanBackwardForm.of(shape(1, 100, 100, states));
      assertThat(form.sharedBytes(DType.F32)).isLessThanOrEqualTo(99 << 10);
      assertThat(form.sharedBytes(DType.BF16)).isLessThanOrEqualTo(99 << 10);
    }
  }

  @Test
  void workspace_anySizes_coversItsParts() {
    long floats = CudaScanBackward.workspaceFloats(shape(1, 300, 70, 20));
    int parts = ScanBackwardForm.of(shape(1, 300, 70, 20)).parts();
    assertThat(parts).isEqualTo(2);
    assertThat(floats).isEqualTo(2L * 2 * 300 * 20 + parts * 70L * (22 + 20 + 20 + 1) + 4);
  }

  @Test
  void run_rowsFarApart_isRefused() {
    Backward scan = scan(shape(1, 2, 1, 1), view(DType.F32, 0, 1L << 31), true);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> kernels.run(scan))
        .withMessageContaining("4 GiB");
  }

  @Test
  void run_activationsOfAnotherType_areRefused() {
    Backward scan = scan(shape(1, 2, 8, 1), view(DType.F16, 0, 8), true);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> kernels.run(scan))
        .withMessageContaining("F16");
    assertThat(launcher.launched).isEqualTo(Collections.emptyList());
  }
}
