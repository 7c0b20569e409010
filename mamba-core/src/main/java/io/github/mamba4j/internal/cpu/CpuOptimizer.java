package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Updates of all parameters in one call. Tasks are blocks of one parameter's elements. */
abstract class CpuOptimizer implements OptimizerKernels {
  private static final int BLOCK = 2 * Tiles.SPAN;

  /** Squares that are summed in floats, in several lanes, before doubles take over. */
  private static final int FLOAT_SUM = 2048;

  /** Added to the norm before it divides, as PyTorch's {@code clip_grad_norm_} does. */
  private static final double NORM_EPS = 1e-6;

  /** The arguments of a norm. */
  private static final class NormCall {
    private List<Slot> slots = List.of();
    private @Nullable View workspace;
  }

  private final WorkerPool pool;
  private final Rows loops;
  private final Spare<NormCall> spare = new Spare<>(NormCall::new);
  private final WorkerPool.Body<NormCall> squaresBlock = this::squaresBlock;
  private final WorkerPool.Body<AdamW> adamBlock = this::adamBlock;

  CpuOptimizer(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /**
   * Updates elements {@code [start, start + n)} of a slot.
   *
   * @param step the decays of the moments and eps
   * @param slot the parameter
   * @param start first element
   * @param n number of elements
   * @param clip multiplies the gradient
   * @param keep {@code 1 − lr·weightDecay}
   * @param rate {@code lr/c₁}
   * @param rootScale {@code 1/√c₂}
   */
  abstract void update(
      AdamW step,
      Slot slot,
      long start,
      int n,
      float clip,
      float keep,
      float rate,
      float rootScale);

  @Override
  public final long normWorkspaceFloats(List<Slot> slots) {
    return tasks(slots);
  }

  private static int tasks(List<Slot> slots) {
    int tasks = 0;
    for (int i = 0; i < slots.size(); i++) {
      tasks += Tiles.tasks(slots.get(i).count(), BLOCK);
    }
    return tasks;
  }

  /** Returns the index of the slot that a task works on. */
  private static int slotOf(List<Slot> slots, int task) {
    int slot = 0;
    for (int left = task; ; slot++) {
      left -= Tiles.tasks(slots.get(slot).count(), BLOCK);
      if (left < 0) {
        return slot;
      }
    }
  }

  /** Returns the first element of its slot that a task works on. */
  private static long startOf(List<Slot> slots, int slot, int task) {
    int before = 0;
    for (int i = 0; i < slot; i++) {
      before += Tiles.tasks(slots.get(i).count(), BLOCK);
    }
    return (task - before) * (long) BLOCK;
  }

  @Override
  public final void gradNorm(List<Slot> slots, View out, View workspace) {
    NormCall call = spare.take();
    call.slots = slots;
    call.workspace = workspace;
    int tasks = tasks(slots);
    try {
      pool.forEach(tasks, call, squaresBlock);
    } finally {
      call.slots = List.of();
      call.workspace = null;
      spare.giveBack(call);
    }
    MemorySegment partials = CpuStorage.of(workspace);
    double squares = 0;
    for (int i = 0; i < tasks; i++) {
      squares += CpuStorage.get(partials, workspace.offset() + i);
    }
    CpuStorage.set(CpuStorage.of(out), out.offset(), (float) Math.sqrt(squares));
  }

  private void squaresBlock(NormCall call, int task, Scratch scratch) {
    View workspace = call.workspace;
    if (workspace == null) {
      return;
    }
    int index = slotOf(call.slots, task);
    Slot slot = call.slots.get(index);
    long start = startOf(call.slots, index, task);
    int n = (int) Math.min(BLOCK, slot.count() - start);
    MemorySegment grad = CpuStorage.of(slot.grad());
    double squares = 0;
    for (int from = 0; from < n; from += FLOAT_SUM) {
      squares +=
          loops.squares(grad, slot.grad().offset() + start + from, Math.min(FLOAT_SUM, n - from));
    }
    CpuStorage.set(CpuStorage.of(workspace), workspace.offset() + task, (float) squares);
  }

  @Override
  public final void adamW(AdamW step) {
    pool.forEach(tasks(step.slots()), step, adamBlock);
  }

  private void adamBlock(AdamW step, int task, Scratch scratch) {
    int index = slotOf(step.slots(), task);
    Slot slot = step.slots().get(index);
    long start = startOf(step.slots(), index, task);
    int n = (int) Math.min(BLOCK, slot.count() - start);
    double rate = number(step, LEARNING_RATE);
    double correction1 = number(step, BIAS_CORRECTION_1);
    double correction2 = number(step, BIAS_CORRECTION_2);
    float keep = (float) (1 - rate * slot.weightDecay());
    float rootScale = (float) (1 / Math.sqrt(correction2));
    update(step, slot, start, n, clip(step), keep, (float) (rate / correction1), rootScale);
    View rounded = slot.rounded();
    if (rounded != null) {
      MemorySegment values = CpuStorage.of(slot.value());
      MemorySegment target = CpuStorage.of(rounded);
      for (long i = start; i < start + n; i++) {
        float value = CpuStorage.get(values, slot.value().offset() + i);
        target.set(CpuStorage.SHORT, (rounded.offset() + i) << 1, CpuStorage.bf16(value));
      }
    }
  }

  private static double number(AdamW step, int index) {
    return CpuStorage.get(CpuStorage.of(step.step()), step.step().offset() + index);
  }

  private static float clip(AdamW step) {
    if (step.maxNorm() == Float.POSITIVE_INFINITY) {
      return 1;
    }
    double norm = CpuStorage.get(CpuStorage.of(step.norm()), step.norm().offset());
    // Not a comparison: a norm that is not a number must reach the parameters, not vanish.
    return (float) Math.min(1, step.maxNorm() / (norm + NORM_EPS));
  }
}
