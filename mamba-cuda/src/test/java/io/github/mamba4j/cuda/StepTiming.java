package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times steps of the published models' blocks, without embeddings and head, on this machine's first
 * GPU, as graphs: medians of 20, with the rate at which weights and states were moved.
 */
final class StepTiming {
  /** Whether all layers have the small weights and the states of the first, which stay near. */
  private static final boolean SHARED = "shared".equals(System.getProperty("small"));

  /** The type of the projections to and from step sizes: as in a model of 16-bit weights. */
  private static final DType SMALL = DType.valueOf(System.getProperty("type", "BF16"));

  private final Gpu gpu;

  private StepTiming(Gpu gpu) {
    this.gpu = gpu;
  }

  /**
   * Takes what to time, such as 768x24x64 for 24 blocks and 64 sequences; nothing for all. With
   * {@code -Dsmall=shared} layers differ in their large weights only, which shows what the others
   * cost; with {@code -Dtype=F32} the projections to and from step sizes are floats.
   */
  public static void main(String[] arguments) {
    for (String argument : arguments) {
      String[] sizes = argument.split("x", -1);
      time(Integer.parseInt(sizes[2]), Integer.parseInt(sizes[1]), Integer.parseInt(sizes[0]));
    }
    if (arguments.length > 0) {
      return;
    }
    int[] rows = {1, 4, 8, 16, 32, 64};
    for (int count : rows) {
      time(count, 24, 768);
    }
    time(1, 48, 1024);
    time(1, 6, 256);
    for (int count : rows) {
      time(count, 64, 2560);
    }
  }

  private static void time(int rows, int layers, int dModel) {
    try (CudaDevice gpu = new CudaDevice(0)) {
      new StepTiming(gpu).run(StepCase.shape(rows, dModel, 2 * dModel, 16, 4, dModel / 16), layers);
    }
  }

  private View matrix(DType type, long rows, int cols) {
    return new View(gpu.allocate(type.bytes(rows * cols)), type, 0, cols);
  }

  private StepKernels.Layer layer(StepKernels.Shape shape) {
    int inner = shape.dInner();
    return new StepKernels.Layer(
        matrix(DType.F32, 1, shape.dModel()),
        matrix(DType.BF16, 2L * inner, shape.dModel()),
        null,
        matrix(DType.F32, shape.dConv(), inner),
        matrix(DType.F32, 1, inner),
        matrix(SMALL, shape.projected(), inner),
        matrix(SMALL, inner, shape.dtRank()),
        matrix(DType.F32, 1, inner),
        matrix(DType.F32, shape.dState(), inner),
        matrix(DType.F32, 1, inner),
        matrix(DType.BF16, shape.dModel(), inner),
        null,
        matrix(DType.F32, (long) shape.rows() * (shape.dConv() - 1), inner),
        matrix(DType.F32, (long) shape.rows() * shape.dState(), inner));
  }

  /** Returns a layer with large weights of its own. */
  private StepKernels.Layer large(StepKernels.Layer first, StepKernels.Shape shape) {
    return new StepKernels.Layer(
        first.norm(),
        matrix(DType.BF16, 2L * shape.dInner(), shape.dModel()),
        first.inBias(),
        first.taps(),
        first.convBias(),
        first.xProj(),
        first.dtProj(),
        first.dtBias(),
        first.a(),
        first.dSkip(),
        matrix(DType.BF16, shape.dModel(), shape.dInner()),
        first.outBias(),
        first.convState(),
        first.ssmState());
  }

  private void run(StepKernels.Shape shape, int count) {
    CudaStep kernels = new CudaStep(gpu);
    List<StepKernels.Layer> layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      layers.add(i > 0 && SHARED ? large(layers.getFirst(), shape) : layer(shape));
    }
    int workspace = Math.toIntExact(kernels.workspaceFloats(shape, count));
    StepKernels.Step step =
        new StepKernels.Step(
            shape,
            layers,
            matrix(DType.F32, shape.rows(), shape.dModel()),
            matrix(DType.F32, shape.rows(), shape.dModel()),
            matrix(DType.F32, 1, workspace));
    double micros = GraphTimer.micros(gpu, () -> kernels.step(step));
    IO.println(
        String.format(
            Locale.ROOT,
            "%d x %d, %d sequences: %.1f us, %.2f TB/s",
            shape.dModel(),
            count,
            shape.rows(),
            micros,
            bytes(shape) * count / micros / 1e6));
  }

  /** Returns the least bytes of a layer. */
  private static double bytes(StepKernels.Shape shape) {
    double inner = shape.dInner();
    double large = 3 * inner * shape.dModel() * 2;
    double small = (2.0 * shape.dtRank() + 2.0 * shape.dState()) * SMALL.bytes(1);
    small = (small + (shape.dState() + shape.dConv()) * 4.0) * inner;
    double states = 2.0 * shape.rows() * (shape.dState() + shape.dConv() - 1) * inner * 4;
    return large + small + states;
  }
}
