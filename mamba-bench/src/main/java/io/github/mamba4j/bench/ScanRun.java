package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The selective scan of one sequence on a backend, with gate, skip, bias and softplus, Euler's B̄;
 * forward, or forward and then all nine gradients but that of the initial state.
 */
public final class ScanRun implements Runnable {
  private final Backend backend;
  private final BenchmarkMemory memory;
  private final ScanChannels channels;
  private final Inputs inputs;
  private final View outGrad;
  private final int length;
  private final int dInner;
  private final int dState;
  private @Nullable Forward forward;
  private @Nullable Backward backward;

  /**
   * Puts the inputs on a backend.
   *
   * @param backend where to scan
   * @param channels the inputs
   */
  public ScanRun(Backend backend, ScanChannels channels) {
    this.backend = backend;
    this.channels = channels;
    memory = new BenchmarkMemory(backend);
    length = channels.length();
    dInner = channels.dInner();
    dState = channels.dState();
    inputs = channels.inputs(memory);
    outGrad = memory.matrix(channels.outGrad(), dInner);
  }

  /**
   * Makes room for the results.
   *
   * @param gradients whether gradients are computed, too
   */
  public void allocate(boolean gradients) {
    Shape shape = new Shape(1, length, dInner, dState, Discretization.EULER, true);
    ScanKernels scan = backend.scan();
    View checkpoints = gradients ? memory.empty(scan.checkpointFloats(shape), dInner) : null;
    View forwardScratch = memory.empty(scan.forwardWorkspaceFloats(shape), dInner);
    forward = new Forward(shape, inputs, rows(dInner), null, checkpoints, forwardScratch);
    if (checkpoints != null) {
      View scratch = memory.empty(scan.backwardWorkspaceFloats(shape), dInner);
      backward = new Backward(shape, inputs, outGrad, null, checkpoints, gradients(), scratch);
    }
  }

  private View rows(int cols) {
    return memory.empty((long) length * cols, cols);
  }

  private Gradients gradients() {
    return new Gradients(
        new Sink(rows(dInner), false),
        new Sink(rows(dInner), false),
        new Sink(memory.empty((long) dInner * dState, dInner), false),
        new Sink(rows(dState), false),
        new Sink(rows(dState), false),
        new Sink(memory.empty(dInner, dInner), false),
        new Sink(rows(dInner), false),
        new Sink(memory.empty(dInner, dInner), false),
        null);
  }

  /** Scans, and computes the gradients if there is room for them. */
  @Override
  public void run() {
    Forward now = forward;
    if (now == null) {
      throw new IllegalStateException("ScanRun: allocate was not called");
    }
    backend.scan().forward(now);
    Backward after = backward;
    if (after != null) {
      backend.scan().backward(after);
    }
  }

  /**
   * Checks some channels in double precision.
   *
   * @throws IllegalStateException if one is wrong
   */
  public void check() {
    if (forward != null) {
      channels.checkOut(read(forward.out()));
    }
    if (backward != null) {
      Gradients made = backward.gradients();
      if (made.u() != null && made.dt() != null) {
        channels.checkGradients(read(made.u().view()), read(made.dt().view()));
      }
    }
  }

  private float[] read(View view) {
    return memory.read(view, (long) length * dInner);
  }
}
