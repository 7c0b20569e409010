package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.CudaNorm.optional;
import static io.github.mamba4j.cuda.CudaNorm.view;
import static io.github.mamba4j.cuda.NormTeams.shared;
import static io.github.mamba4j.cuda.Vectors.type;

import io.github.mamba4j.spi.NormKernels.GatedBackward;
import io.github.mamba4j.spi.NormKernels.GatedForward;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import io.github.mamba4j.spi.View;
import java.util.Map;

/**
 * Normalisation of groups of columns with a gate: the launches of {@code gated_norm.ptx} and {@code
 * gated_norm_backward.ptx}. Everything but the weight has one type. A team treats one group of a
 * row, and of the rows that follow, the same group.
 */
final class CudaGatedNorm {
  private final Launcher launcher;

  CudaGatedNorm(Launcher launcher) {
    this.launcher = launcher;
  }

  private static NormTeams teams(GatedShape shape) {
    return NormTeams.of(shape.width() / shape.groups(), shape.rows());
  }

  private static Kernel kernel(
      String family, String name, boolean aligned, GatedShape shape, View x) {
    Map<String, String> variables =
        Map.of("T", type(x), "GATE", shape.gateFirst() ? "first" : "last");
    return new Kernel(teams(shape).source(family, aligned, variables), name);
  }

  private static Arguments sizes(Arguments arguments, GatedShape shape) {
    int n = shape.width() / shape.groups();
    return arguments.number(1f / n).number(shape.rows()).number(shape.groups()).number(n);
  }

  void forward(GatedForward norm) {
    GatedShape shape = norm.shape();
    assert norm.z().type() == norm.x().type() && norm.out().type() == norm.x().type() : norm;
    NormTeams teams = teams(shape);
    boolean aligned = teams.aligned(norm.x(), norm.z(), shared(norm.weight()), norm.out());
    Arguments arguments =
        new Arguments()
            .matrix(norm.x())
            .matrix(norm.z())
            .pointer(norm.weight())
            .matrix(norm.out())
            .pointer(norm.scale())
            .number(shape.eps());
    launcher.launch(
        kernel("gated_norm", "forward", aligned, shape, norm.x()),
        teams.forwardGrid(shape.rows(), shape.groups()),
        sizes(arguments, shape));
  }

  long workspaceFloats(GatedShape shape) {
    return (long) teams(shape).backwardBlocks(shape.rows(), shape.groups()) * shape.width();
  }

  void backward(GatedBackward norm) {
    GatedShape shape = norm.shape();
    NormTeams teams = teams(shape);
    View xGrad = view(norm.xGrad());
    View zGrad = view(norm.zGrad());
    View partial = norm.weightGrad() == null ? null : shared(norm.workspace());
    boolean aligned =
        teams.aligned(
            norm.x(), norm.z(), shared(norm.weight()), norm.outGrad(), xGrad, zGrad, partial);
    Arguments arguments =
        new Arguments()
            .matrix(norm.x())
            .matrix(norm.z())
            .pointer(norm.weight())
            .pointer(norm.scale())
            .matrix(norm.outGrad());
    optional(arguments, norm.xGrad());
    optional(arguments, norm.zGrad()).pointer(partial);
    launcher.launch(
        kernel("gated_norm_backward", "backward", aligned, shape, norm.x()),
        teams.backwardGrid(shape.rows(), shape.groups()),
        sizes(arguments, shape));
    int blocks = teams.backwardBlocks(shape.rows(), shape.groups());
    CudaNorm.fold(launcher, norm.weightGrad(), norm.workspace(), blocks, shape.width());
  }
}
