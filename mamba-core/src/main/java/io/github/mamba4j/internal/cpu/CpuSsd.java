package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels;

/** The scans of Mamba-2: what scalar and vector kernels share is all but the inner loops. */
abstract class CpuSsd implements SsdKernels {
  private final SsdSteps steps;
  private final SsdForward forward;
  private final SsdBackward backward;

  CpuSsd(WorkerPool pool, Rows rows, ScanLoops copies, SsdLoops loops) {
    steps = new SsdSteps(pool, rows, loops);
    forward = new SsdForward(pool, rows, copies, loops);
    backward = new SsdBackward(pool, rows, copies, loops);
  }

  @Override
  public final long checkpointFloats(Shape shape) {
    return (long) shape.batch() * SsdCut.chunks(shape) * SsdCut.stateFloats(shape);
  }

  @Override
  public final long forwardWorkspaceFloats(Shape shape) {
    return SsdCut.stepwise(shape) ? 0 : SsdForward.workspaceFloats(shape);
  }

  @Override
  public final long backwardWorkspaceFloats(Shape shape) {
    return SsdBackward.workspaceFloats(shape);
  }

  @Override
  public final void forward(Forward scan) {
    if (SsdCut.stepwise(scan.shape())) {
      steps.run(scan);
    } else {
      forward.run(scan);
    }
  }

  @Override
  public final void backward(Backward scan) {
    backward.run(scan);
  }
}
