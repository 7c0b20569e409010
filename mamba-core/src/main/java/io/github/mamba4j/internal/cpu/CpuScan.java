package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels;

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
    if (ScanStep.fits(scan)) {
      step.run(scan);
    } else {
      forward.run(scan);
    }
  }

  @Override
  public final void backward(Backward scan) {
    backward.run(scan);
  }

  @Override
  public final void prefix(Prefix scan) {
    prefix.run(scan);
  }
}
