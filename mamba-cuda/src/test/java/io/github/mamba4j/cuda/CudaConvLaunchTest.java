package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.ConvKernels.Shape;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The host side of the convolution, without a GPU. */
class CudaConvLaunchTest {
  private static final DeviceMemory MEMORY = new DeviceMemory(1 << 20, 1 << 20);

  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaConv kernels = new CudaConv(launcher);

  private static View view(DType type, long stride) {
    return new View(MEMORY, type, 16, stride);
  }

  private void forward(Shape shape, DType type, long stride, boolean states) {
    View floats = view(DType.F32, stride);
    View given = states ? floats : null;
    ConvKernels.Inputs inputs = new ConvKernels.Inputs(view(type, stride), floats, given, given);
    kernels.forward(new ConvKernels.Forward(shape, inputs, view(type, stride), given));
  }

  private void backward(Shape shape, DType type, long stride, @Nullable Boolean add) {
    View floats = view(DType.F32, stride);
    View x = view(type, stride);
    ConvKernels.Inputs inputs = new ConvKernels.Inputs(x, floats, null, null);
    Sink sink = add == null ? null : new Sink(floats, add);
    Sink xSink = add == null ? null : new Sink(x, add);
    kernels.backward(
        new ConvKernels.Backward(
            shape, inputs, x, floats, xSink, sink, sink, sink, view(DType.F32, 0)));
  }

  @Test
  void launches_everyKernelOfEveryForm_haveTheParametersOfItsSignature() {
    for (PtxSource source : PtxForms.CONV) {
      DType type = source.variables().get("T").equals("f32") ? DType.F32 : DType.BF16;
      boolean silu = source.variables().get("SILU").equals("1");
      int width = Integer.parseInt(source.variables().getOrDefault("WIDTH", "7"));
      int vector = Integer.parseInt(source.variables().getOrDefault("VECTOR", "1"));
      int channels = 3 * vector;
      for (int length : new int[] {1, 9}) {
        Shape shape = new Shape(2, length, channels, width, silu);
        forward(shape, type, channels, true);
        forward(shape, type, channels, false);
        backward(shape, type, channels, false);
        backward(shape, type, channels, true);
        backward(shape, type, channels, null);
      }
      launcher.assertAllLaunched(source);
    }
    launcher.assertAllLaunched("conv_fold");
  }

  @Test
  void grids_anySizes_areWithinTheLimitsAndReachEveryChannelOfEveryRun() {
    int[] lengths = {2, 7, 8, 63, 513, 524_288};
    int[] channels = {1, 2, 12, 600, 1536, 5120};
    for (int length : lengths) {
      for (int n : channels) {
        launcher.grids.clear();
        forward(new Shape(100_000, length, n, 4, true), DType.BF16, 8192, false);
        Grid grid = launcher.grids.getLast();
        assertThat(grid.y()).isEqualTo(Grid.MAX_Y);
        int vectors = n / (n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1);
        assertThat((long) grid.x() * grid.threadsX())
            .isGreaterThanOrEqualTo((long) Math.ceilDiv(length, 64) * vectors);
      }
    }
  }

  @Test
  void vector_whatIsNotAligned_isOne() {
    Shape shape = new Shape(1, 20, 8, 4, true);
    forward(shape, DType.F32, 8, true);
    forward(shape, DType.F32, 10, true);
    forward(shape, DType.BF16, 9, true);
    assertThat(launcher.kernels)
        .extracting(kernel -> kernel.source().variables().get("VECTOR"))
        .containsExactly("4", "2", "1");
  }

  @Test
  void workspace_anyShape_coversTheSumsOfAllRuns() {
    assertThat(kernels.backwardWorkspaceFloats(new Shape(2, 17, 10, 4, true)))
        .isEqualTo(2 * 3 * 5 * 10);
    assertThat(kernels.backwardWorkspaceFloats(new Shape(2, 17, 10, 5, true)))
        .isEqualTo(2 * 3 * 6 * 10 + 2 * 17 * 10);
    assertThat(kernels.backwardWorkspaceFloats(new Shape(8, 2048, 1536, 4, true)))
        .isEqualTo(8 * 16 * 5 * 1536);
  }

  @Test
  void sums_notWanted_areNotFolded() {
    View floats = view(DType.F32, 8);
    ConvKernels.Inputs inputs = new ConvKernels.Inputs(floats, floats, null, null);
    kernels.backward(
        new ConvKernels.Backward(
            new Shape(1, 20, 8, 4, true),
            inputs,
            floats,
            null,
            new Sink(floats, false),
            null,
            null,
            null,
            floats));
    assertThat(launcher.launched).containsExactly("backward_0");
  }
}
