package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.View;

/** The scans: what scalar and vector kernels share is all but the inner loops. */
abstract class CpuScan implements ScanKernels {
  private final ScanForward forward;
  private final ScanStep step;
  private final ScanBackward backward;
  private final PrefixScan prefix;

  CpuScan(WorkerPool pool, ScanLoops loops, ScanStep.Loops stepLoops, PrefixScan.Columns columns) {
    forward = new ScanForward(pool, loops);
    step = new ScanStep(pool, stepLoops);
    backward = new ScanBackward(pool, loops);
    prefix = new PrefixScan(pool, columns);
  }

  @Override
  public final long checkpointFloats(Shape shape) {
    return ScanForward.checkpointFloats(shape);
  }

  @Override
  public final long forwardWorkspaceFloats(Shape shape) {
    return ScanForward.workspaceFloats(shape);
  }

  @Override
  public final long backwardWorkspaceFloats(Shape shape) {
    return ScanBackward.workspaceFloats(shape);
  }

  @Override
  public final long prefixWorkspaceFloats(
      int batch, int length, int width, PrefixAlgorithm algorithm) {
    return PrefixScan.workspaceFloats(batch, length, width, algorithm);
  }

  @Override
  public final void forward(Forward scan) {
    requireInside(scan.shape(), scan.inputs(), scan.out());
    if (ScanStep.fits(scan)) {
      step.run(scan);
    } else {
      forward.run(scan);
    }
  }

  @Override
  public final void backward(Backward scan) {
    Shape shape = scan.shape();
    Gradients gradients = scan.gradients();
    long rows = (long) shape.batch() * shape.length();
    requireInside(shape, scan.inputs(), scan.outGrad());
    CpuStorage.requireInside(gradients.u(), rows, shape.dInner());
    CpuStorage.requireInside(gradients.dt(), rows, shape.dInner());
    CpuStorage.requireInside(gradients.z(), rows, shape.dInner());
    backward.run(scan);
  }

  /** Checks the rows that are copied without checks, see {@link VectorPanelRows}. */
  private static void requireInside(Shape shape, Inputs inputs, View result) {
    long rows = (long) shape.batch() * shape.length();
    CpuStorage.requireInside(inputs.u(), rows, shape.dInner());
    CpuStorage.requireInside(inputs.dt(), rows, shape.dInner());
    CpuStorage.requireInside(inputs.z(), rows, shape.dInner());
    CpuStorage.requireInside(result, rows, shape.dInner());
  }

  @Override
  public final void prefix(Prefix scan) {
    prefix.run(scan);
  }
}
