package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.NormTeams.shared;
import static io.github.mamba4j.cuda.Vectors.type;

import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation of rows: the launches of {@code norm.ptx}, {@code norm_backward.ptx} and {@code
 * norm_fold.ptx}. Each element is read once and written once; what decides the time is memory's
 * bandwidth, or, for few rows, the latency of one read, one sum and one write.
 *
 * <p>The weight's gradient is summed over the rows of each block, then over the blocks, both in an
 * order that the shape gives.
 */
final class CudaNorm implements NormKernels {
  private static final int FOLD_THREADS = 256;
  private static final int FOLD_COLUMNS = 8;

  private final Launcher launcher;
  private final CudaGatedNorm gated;

  CudaNorm(Launcher launcher) {
    this.launcher = launcher;
    gated = new CudaGatedNorm(launcher);
  }

  @Override
  public void forward(Forward norm) {
    NormTeams teams = NormTeams.of(norm.width(), norm.rows());
    boolean aligned =
        teams.aligned(norm.x(), norm.residual(), shared(norm.weight()), norm.out(), norm.sum());
    Map<String, String> types = Map.of("X", type(norm.x()), "OUT", type(norm.out()));
    Kernel kernel = new Kernel(teams.source("norm", aligned, types), "forward");
    Arguments arguments = new Arguments().matrix(norm.x());
    optional(arguments, norm.residual()).pointer(norm.weight()).matrix(norm.out());
    optional(arguments, norm.sum())
        .pointer(norm.scale())
        .number(norm.eps())
        .number(1f / norm.width())
        .number(norm.rows())
        .number(norm.width());
    launcher.launch(kernel, teams.forwardGrid(norm.rows(), 1), arguments);
  }

  @Override
  public long backwardWorkspaceFloats(int rows, int width) {
    return (long) NormTeams.of(width, rows).backwardBlocks(rows, 1) * width;
  }

  @Override
  public void backward(Backward norm) {
    NormTeams teams = NormTeams.of(norm.width(), norm.rows());
    View xGrad = view(norm.xGrad());
    View partial = norm.weightGrad() == null ? null : shared(norm.workspace());
    boolean aligned =
        teams.aligned(
            norm.sum(),
            shared(norm.weight()),
            norm.outGrad(),
            norm.sumGrad(),
            xGrad,
            norm.rounded(),
            partial);
    View rounded = norm.rounded();
    Map<String, String> types =
        Map.of(
            "X", type(norm.sum()),
            "GRAD", type(norm.outGrad()),
            "OUT", type(xGrad),
            "ROUNDED", rounded == null ? "none" : type(rounded));
    Kernel kernel = new Kernel(teams.source("norm_backward", aligned, types), "backward");
    Arguments arguments =
        new Arguments()
            .matrix(norm.sum())
            .pointer(norm.weight())
            .pointer(norm.scale())
            .matrix(norm.outGrad());
    optional(arguments, norm.sumGrad());
    optional(arguments, norm.xGrad());
    if (rounded != null) {
      arguments.matrix(rounded);
    }
    arguments.pointer(partial).number(1f / norm.width()).number(norm.rows()).number(norm.width());
    launcher.launch(kernel, teams.backwardGrid(norm.rows(), 1), arguments);
    int blocks = teams.backwardBlocks(norm.rows(), 1);
    fold(launcher, norm.weightGrad(), norm.workspace(), blocks, norm.width());
  }

  /** Sums rows of partial sums into the weight's gradient, if that is wanted. */
  static void fold(
      Launcher launcher, @Nullable Sink weightGrad, View workspace, int blocks, int width) {
    if (weightGrad == null) {
      return;
    }
    Arguments arguments =
        new Arguments()
            .pointer(weightGrad.view())
            .pointer(workspace)
            .number(blocks)
            .number(width)
            .number(weightGrad.add() ? 1 : 0);
    Grid grid = new Grid(Math.ceilDiv(width, FOLD_COLUMNS), 1, FOLD_THREADS, 1);
    launcher.launch(new Kernel("norm_fold", "fold"), grid, arguments);
  }

  /** Appends a matrix, zeros if there is none. */
  static Arguments optional(Arguments arguments, @Nullable View view) {
    return arguments.pointer(view).wide(view == null ? 0 : view.stride());
  }

  /** Appends a matrix and whether to add to it, zeros if there is none. */
  static Arguments optional(Arguments arguments, @Nullable Sink sink) {
    return optional(arguments, view(sink)).number(sink != null && sink.add() ? 1 : 0);
  }

  static @Nullable View view(@Nullable Sink sink) {
    return sink == null ? null : sink.view();
  }

  @Override
  public long gatedBackwardWorkspaceFloats(GatedShape shape) {
    return gated.workspaceFloats(shape);
  }

  @Override
  public void gatedForward(GatedForward norm) {
    gated.forward(norm);
  }

  @Override
  public void gatedBackward(GatedBackward norm) {
    gated.backward(norm);
  }
}
