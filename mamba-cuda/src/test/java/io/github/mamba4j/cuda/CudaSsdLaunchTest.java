package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The host side of Mamba-2's scan, without a GPU. */
class CudaSsdLaunchTest {
  private static final int SMALLEST_SHARED = 99 << 10;
  private static final View FLOATS = view(DType.F32, 0, 4096);

  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaSsd kernels = new CudaSsd(launcher);

  private static View view(DType type, long offset, long stride) {
    return new View(new DeviceMemory(1 << 20, 1L << 40), type, offset, stride);
  }

  private static Shape shape(int batch, int length, int heads, int headDim, int dState) {
    return new Shape(
        batch, length, heads, headDim, 1, dState, 256, false, 0, Float.POSITIVE_INFINITY);
  }

  private static Inputs inputs(View activations) {
    return new Inputs(
        activations, activations, FLOATS, activations, activations, FLOATS, FLOATS, FLOATS);
  }

  private void run(Shape shape, View activations) {
    run(shape, activations, activations);
  }

  private void run(Shape shape, View activations, View outGrad) {
    Inputs in = inputs(activations);
    kernels.forward(new Forward(shape, in, activations, FLOATS, FLOATS, FLOATS));
    Sink sink = new Sink(activations, true);
    Sink floats = new Sink(FLOATS, false);
    Gradients gradients = new Gradients(sink, sink, floats, sink, sink, floats, floats, floats);
    kernels.backward(new Backward(shape, in, outGrad, FLOATS, FLOATS, gradients, FLOATS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "bf16"})
  void launches_everyKernel_haveTheParametersOfItsSignature(String type) {
    View view = view(type.equals("f32") ? DType.F32 : DType.BF16, 3, 2000);
    for (int length : new int[] {1, 8, 9, 200}) {
      run(shape(2, length, 4, 20, 12), view);
    }
    for (String file : List.of("ssd", "ssd_step", "ssd_shared", "ssd_backward")) {
      launcher.assertAllLaunched(new PtxSource(file, Map.of("T", type)));
    }
  }

  @Test
  void launches_onTensorCores_haveTheParametersOfTheirSignatures() {
    View view = view(DType.BF16, 8, 2000);
    run(shape(1, 1000, 24, 64, 128), view, view(DType.BF16, 3, 2000));
    Map<String, String> form = Map.of("P", "64", "N", "128");
    launcher.assertAllLaunched(new PtxSource("ssd_tensor", form));
    launcher.assertAllLaunched(new PtxSource("ssd_tensor_backward", form));
  }

  @Test
  void grids_ofTheModelWith130mParameters_fillTheGpu() {
    run(shape(8, 2048, 24, 64, 128), view(DType.BF16, 0, 1792));
    assertThat(launcher.launched)
        .containsExactly(
            "step_sizes",
            "walk",
            "step_sizes",
            "walk_states",
            "chunk_grads",
            "decay_grads",
            "fold_parameters");
    assertThat(launcher.grids.get(1)).isEqualTo(new Grid(192, 1, 128, 1).shared(82_944));
    assertThat(launcher.grids.get(4)).isEqualTo(new Grid(256, 1, 256, 1).shared(157_728));
  }

  /** Channels a head, states; elements before the first; the slice's channels or 0 for floats. */
  @ParameterizedTest
  @CsvSource({
    "64, 128, 0, 64",
    "64, 64, 8, 64",
    "96, 128, 16, 32",
    "128, 64, 0, 64",
    "64, 128, 4, 0",
    "48, 128, 0, 0",
    "64, 16, 0, 0",
    "64, 256, 0, 0"
  })
  void form_sizesAndAlignment_decide(int headDim, int dState, long offset, int channels) {
    Shape shape = shape(1, 100, 2, headDim, dState);
    Inputs in = inputs(view(DType.BF16, offset, 1792));
    SsdForm form = SsdForm.of(shape, in, launcher.sharedBytes());
    assertThat(form == null ? 0 : form.channels()).isEqualTo(channels);
    assertThat(SsdForm.of(shape, inputs(FLOATS), launcher.sharedBytes())).isNull();
    if (form != null) {
      assertThat(form.walkShared()).isLessThanOrEqualTo(SMALLEST_SHARED);
      assertThat(SsdForm.of(shape, in, form.backwardShared() - 1)).isNull();
    }
  }

  @Test
  void workspace_stepByStep_isNotNeededForward() {
    assertThat(kernels.forwardWorkspaceFloats(shape(3, 8, 2, 4, 8))).isZero();
    assertThat(kernels.forwardWorkspaceFloats(shape(3, 9, 2, 4, 8))).isPositive();
    assertThat(kernels.checkpointFloats(shape(3, 65, 2, 4, 8)))
        .isEqualTo(3 * 2 * 8 * 8 + SsdPlan.SLACK);
  }
}
