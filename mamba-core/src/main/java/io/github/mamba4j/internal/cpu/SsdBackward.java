package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The gradients of the scan, head after head and step after step. */
final class SsdBackward {
  private final WorkerPool pool;
  private final WorkerPool.Body<Backward> compute = this::compute;

  SsdBackward(WorkerPool pool) {
    this.pool = pool;
  }

  void run(Backward scan) {
    pool.forEach(1, scan, compute);
  }

  private void compute(Backward scan, int task, Scratch scratch) {
    Shape s = scan.shape();
    int rows = s.batch() * s.length();
    int columns = s.groups() * s.dState();
    clear(scan.gradients().b(), rows, columns);
    clear(scan.gradients().c(), rows, columns);
    clear(scan.gradients().a(), 1, s.heads());
    clear(scan.gradients().dtBias(), 1, s.heads());
    clear(scan.gradients().dSkip(), 1, s.skipPerChannel() ? s.dInner() : s.heads());
    clear(scan.gradients().x(), rows, s.dInner());
    clear(scan.gradients().dt(), rows, s.heads());
    clear(scan.gradients().initialState(), s.batch() * s.dState(), s.dInner());
    int state = s.dState() * s.headDim();
    MemorySegment tile = scratch.floats((SsdCut.chunk(s) + 2L) * state);
    for (int lane = 0; lane < s.batch() * s.heads(); lane++) {
      lane(scan, lane / s.heads(), lane % s.heads(), tile);
    }
  }

  private static void clear(@Nullable Sink sink, int rows, int columns) {
    if (sink != null && !sink.add()) {
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < columns; i++) {
          set(CpuStorage.of(sink.view()), sink.view().offset() + r * sink.view().stride() + i, 0);
        }
      }
    }
  }

  private static float at(View view, long row, long column) {
    return get(CpuStorage.of(view), view.offset() + row * view.stride() + column);
  }

  private static void add(@Nullable Sink sink, long row, long column, double value) {
    if (sink != null) {
      View view = sink.view();
      long at = view.offset() + row * view.stride() + column;
      set(CpuStorage.of(view), at, (float) (get(CpuStorage.of(view), at) + value));
    }
  }

  private static void lane(Backward scan, int sequence, int head, MemorySegment tile) {
    Shape s = scan.shape();
    int dim = s.headDim();
    int state = s.dState() * dim;
    int chunk = SsdCut.chunk(s);
    long grad = (chunk + 1L) * state;
    for (int i = 0; i < state; i++) {
      View end = scan.finalStateGrad();
      long row = (long) sequence * s.dState() + i / dim;
      set(tile, grad + i, end == null ? 0 : at(end, row, head * dim + i % dim));
    }
    for (int k = SsdCut.chunks(s) - 1; k >= 0; k--) {
      long row = (long) sequence * s.length() + (long) k * chunk;
      int steps = Math.min(chunk, s.length() - k * chunk);
      long from =
          scan.checkpoints().offset()
              + ((long) sequence * SsdCut.chunks(s) + k) * SsdCut.stateFloats(s)
              + (long) head * dim;
      for (int i = 0; i < state; i++) {
        long at = from + (long) (i / dim) * s.dInner() + i % dim;
        set(tile, i, get(CpuStorage.of(scan.checkpoints()), at));
      }
      for (int t = 0; t < steps; t++) {
        forward(scan, row + t, head, tile, (long) t * state);
      }
      for (int t = steps - 1; t >= 0; t--) {
        backward(scan, row + t, head, tile, (long) t * state, grad);
      }
    }
    for (int i = 0; i < state; i++) {
      long row = (long) sequence * s.dState() + i / dim;
      add(scan.gradients().initialState(), row, head * dim + i % dim, get(tile, grad + i));
    }
  }

  private static void forward(Backward scan, long row, int head, MemorySegment tile, long before) {
    Shape s = scan.shape();
    Inputs in = scan.inputs();
    float delta = SsdCut.delta(s, SsdCut.raw(in, row, head));
    float decay = ScalarMath.exp(delta * SsdCut.rate(in, head));
    int state = s.dState() * s.headDim();
    for (int n = 0; n < s.dState(); n++) {
      float b = delta * at(in.b(), row, SsdCut.group(s, head) * s.dState() + n);
      for (int p = 0; p < s.headDim(); p++) {
        long i = before + (long) n * s.headDim() + p;
        float x = at(in.x(), row, head * s.headDim() + p);
        set(tile, i + state, decay * get(tile, i) + b * x);
      }
    }
  }

  private static void backward(
      Backward scan, long row, int head, MemorySegment tile, long before, long grad) {
    Shape s = scan.shape();
    Inputs in = scan.inputs();
    int dim = s.headDim();
    int state = s.dState() * dim;
    int first = SsdCut.group(s, head) * s.dState();
    float raw = SsdCut.raw(in, row, head);
    float delta = SsdCut.delta(s, raw);
    float rate = SsdCut.rate(in, head);
    float decay = ScalarMath.exp(delta * rate);
    double through = 0;
    double direct = 0;
    for (int n = 0; n < s.dState(); n++) {
      float b = at(in.b(), row, first + n);
      float c = at(in.c(), row, first + n);
      double bGrad = 0;
      double cGrad = 0;
      for (int p = 0; p < dim; p++) {
        long i = (long) n * dim + p;
        float x = at(in.x(), row, head * dim + p);
        float y = at(scan.outGrad(), row, head * dim + p);
        float g = get(tile, grad + i) + y * c;
        bGrad += (double) g * x;
        cGrad += (double) get(tile, before + state + i) * y;
        add(scan.gradients().x(), row, head * dim + p, delta * g * b);
        through += (double) g * get(tile, before + i);
        set(tile, grad + i, decay * g);
      }
      direct += bGrad * b;
      add(scan.gradients().b(), row, first + n, delta * bGrad);
      add(scan.gradients().c(), row, first + n, cGrad);
    }
    through *= decay;
    add(scan.gradients().a(), 0, head, delta * through);
    float softplus = ScalarMath.softplus(raw);
    boolean free = softplus >= s.stepMin() && softplus <= s.stepMax();
    double deltaGrad = free ? (direct + rate * through) * ScalarMath.sigmoid(raw) : 0;
    add(scan.gradients().dt(), row, head, deltaGrad);
    add(scan.gradients().dtBias(), 0, head, deltaGrad);
    View skip = in.dSkip();
    for (int p = 0; p < dim && skip != null; p++) {
      int e = head * dim + p;
      int d = s.skipPerChannel() ? e : head;
      float y = at(scan.outGrad(), row, e);
      add(scan.gradients().x(), row, e, at(skip, 0, d) * y);
      add(scan.gradients().dSkip(), 0, d, y * at(in.x(), row, e));
    }
  }
}
