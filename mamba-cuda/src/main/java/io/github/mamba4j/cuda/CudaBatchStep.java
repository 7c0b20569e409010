package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.BatchProduct.Part;
import io.github.mamba4j.cuda.BatchProduct.Work;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels.Layer;
import io.github.mamba4j.spi.StepKernels.Shape;
import io.github.mamba4j.spi.StepKernels.Step;
import io.github.mamba4j.spi.View;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A token of each of several sequences through all blocks: four launches a block, of {@code
 * mamba_batch.ptx} and {@code mamba_batch_scan.ptx}.
 */
final class CudaBatchStep {
  private static final int THREADS = 256;
  private static final int TILE = BatchProduct.TILE;
  private static final int GROUP = BatchProduct.GROUP;

  /** Channels of a block of the scan. */
  private static final int CHANNELS = 32;

  /** Slices of the sums to dt, B and C. */
  private static final int SLICES = 3;

  private final Launcher launcher;

  CudaBatchStep(Launcher launcher) {
    this.launcher = launcher;
  }

  /** Where things are in the workspace, in bytes; each begins at a multiple of 16. */
  private record Places(
      long residual, long normed, long squares, long u, long z, long shares, long gated, long end) {
    static Places of(Shape shape) {
      long rows = shape.rows();
      long normed = StepPlan.sixteen(rows * shape.dModel() * Float.BYTES);
      long squares = normed + StepPlan.sixteen(rows * shape.dModel() * Short.BYTES);
      long u = squares + StepPlan.sixteen(rows * shape.dModel() / TILE * Float.BYTES);
      long channels = StepPlan.sixteen(rows * shape.dInner() * Float.BYTES);
      long shares = u + 2 * channels;
      long gated = shares + StepPlan.sixteen(rows * SLICES * shape.projected() * Float.BYTES);
      long end = gated + StepPlan.sixteen(rows * shape.dInner() * Short.BYTES);
      return new Places(0, normed, squares, u, u + channels, shares, gated, end);
    }

    /** Returns the same as addresses. */
    Places at(long base) {
      return new Places(
          base + residual,
          base + normed,
          base + squares,
          base + u,
          base + z,
          base + shares,
          base + gated,
          base + end);
    }
  }

  static long workspaceFloats(Shape shape) {
    return Places.of(shape).end() / Float.BYTES;
  }

  /** Runs a step. */
  void step(Step step) {
    new Run(step).all();
  }

  /** A step under way. */
  private final class Run {
    private final Step step;
    private final Shape shape;
    private final Places places;
    private final BatchProduct in;
    private final BatchProduct project;
    private final BatchProduct out;
    private final PtxSource scan;
    private final boolean early = launcher.launchesEarly();

    Run(Step step) {
      this.step = step;
      shape = step.shape();
      places = Places.of(shape).at(DeviceMemory.address(step.workspace()));
      DType small = step.layers().getFirst().xProj().type();
      in = product(Part.IN, DType.BF16, 2 * shape.dInner(), shape.dModel(), 1);
      project = product(Part.PROJECT, small, shape.projected(), shape.dInner(), SLICES);
      out = product(Part.OUT, DType.BF16, shape.dModel(), shape.dInner(), 1);
      Map<String, String> form = new HashMap<>();
      form.put("STATES", String.valueOf(shape.dState()));
      form.put("RANK", String.valueOf(shape.dtRank()));
      form.put("SMALL", Vectors.type(small));
      form.put("SLICES", String.valueOf(SLICES));
      form.put("EARLY", early ? "1" : "0");
      scan = new PtxSource("mamba_batch_scan", form);
    }

    private BatchProduct product(Part part, DType weights, int n, int k, int slices) {
      Work work = new Work(part, weights, n, k, slices, shape.rows(), shape.dConv());
      return BatchProduct.of(work, launcher);
    }

    void all() {
      List<Layer> layers = step.layers();
      begin(layers.getFirst().norm());
      for (int i = 0; i < layers.size(); i++) {
        Layer layer = layers.get(i);
        projectIn(layer);
        projectSmall(layer);
        scan(layer);
        projectOut(layer, i + 1 < layers.size() ? layers.get(i + 1).norm() : null);
      }
    }

    private void begin(View norm) {
      Arguments arguments =
          new Arguments()
              .matrix(step.hidden())
              .pointer(norm)
              .wide(places.residual())
              .wide(places.normed())
              .wide(places.squares())
              .number(shape.rows());
      Grid grid = new Grid(shape.dModel() / TILE, Math.ceilDiv(shape.rows(), TILE), THREADS, 1);
      launcher.launch(new Kernel(scan, "batch_begin"), grid, arguments);
    }

    private void projectIn(Layer layer) {
      Arguments arguments =
          new Arguments()
              .pointer(layer.inProj())
              .wide(places.normed())
              .wide(places.squares())
              .pointer(layer.inBias())
              .pointer(layer.taps())
              .pointer(layer.convBias())
              .pointer(layer.convState())
              .wide(places.u())
              .wide(places.z())
              .number(shape.rows())
              .number(shape.dModel())
              .number(shape.dInner())
              .number(shape.normEps());
      launch(in.kernel(early), in.grid(), arguments);
    }

    private void projectSmall(Layer layer) {
      Arguments arguments =
          new Arguments()
              .pointer(layer.xProj())
              .wide(places.u())
              .wide(places.shares())
              .number(shape.rows())
              .number(shape.projected())
              .number(shape.dInner())
              .number(project.work().chunks());
      launch(project.kernel(early), project.grid(), arguments);
    }

    private void scan(Layer layer) {
      Arguments arguments =
          new Arguments()
              .wide(places.shares())
              .wide(places.u())
              .wide(places.z())
              .pointer(layer.dtProj())
              .pointer(layer.dtBias())
              .pointer(layer.a())
              .pointer(layer.dSkip())
              .pointer(layer.ssmState())
              .wide(places.gated())
              .number(shape.rows())
              .number(shape.dInner());
      Grid grid =
          new Grid(shape.dInner() / CHANNELS, Math.ceilDiv(shape.rows(), GROUP), THREADS, 1);
      launch(new Kernel(scan, "batch_scan"), grid, arguments);
    }

    private void projectOut(Layer layer, @Nullable View nextNorm) {
      Arguments arguments =
          new Arguments()
              .pointer(layer.outProj())
              .wide(places.gated())
              .pointer(layer.outBias())
              .pointer(nextNorm)
              .wide(places.residual())
              .wide(places.normed())
              .wide(places.squares())
              .matrix(step.out())
              .number(shape.rows())
              .number(shape.dModel())
              .number(shape.dInner());
      launch(out.kernel(early), out.grid(), arguments);
    }

    private void launch(Kernel kernel, Grid grid, Arguments arguments) {
      if (early) {
        launcher.launchEarly(kernel, grid, arguments);
      } else {
        launcher.launch(kernel, grid, arguments);
      }
    }
  }
}
