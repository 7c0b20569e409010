package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * Softmax cross-entropy, a block of rows a task. A row is read once for its maximum and once for
 * the exponentials, which stay where the gradient will be; a third pass scales them.
 *
 * <p>The maximum passes over logits that are not numbers; their exponentials carry them into the
 * sum, as does the difference of two infinities, so the loss of such a row is not a number either.
 */
abstract class CpuLoss implements LossKernels {
  private final WorkerPool pool;
  private final Rows loops;
  private final WorkerPool.Body<CrossEntropy> rowsTask = this::rowsTask;

  CpuLoss(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /** Returns the largest of n elements, which need not be numbers; −∞ if there is none. */
  abstract float max(MemorySegment x, long start, int n);

  /**
   * Writes {@code y = e^(x − max)} and returns the sum.
   *
   * @param x memory of the logits
   * @param xStart the first
   * @param n how many
   * @param max subtracted
   * @param y where the exponentials go; may be the memory of the logits
   * @param yStart the first
   */
  abstract float exponentials(
      MemorySegment x, long xStart, int n, float max, MemorySegment y, long yStart);

  @Override
  public final void meanWeight(View targets, int count, View out) {
    MemorySegment ids = CpuStorage.of(targets);
    int counted = 0;
    for (int i = 0; i < count; i++) {
      counted += CpuStorage.getInt(ids, targets.offset() + i) == IGNORE ? 0 : 1;
    }
    CpuStorage.set(CpuStorage.of(out), out.offset(), 1f / Math.max(1, counted));
  }

  @Override
  public final void crossEntropy(CrossEntropy loss) {
    pool.forEach(Tiles.tasks(loss.rows(), loss.vocab(), false), loss, rowsTask);
  }

  private void rowsTask(CrossEntropy loss, int task, Scratch scratch) {
    MemorySegment targets = CpuStorage.of(loss.targets());
    int perTask = Tiles.spansPerTask(loss.vocab(), false);
    long end = Math.min(loss.rows(), (task + 1L) * perTask);
    for (long r = (long) task * perTask; r < end; r++) {
      int target = CpuStorage.getInt(targets, loss.targets().offset() + r);
      if (target == IGNORE) {
        write(loss, r, 0, false);
        Sink grad = loss.logitsGrad();
        if (grad != null && !grad.add()) {
          loops.fill(0, CpuStorage.of(grad.view()), row(grad.view(), r), loss.vocab());
        }
      } else {
        assert target >= 0 && target < loss.vocab() : target;
        countedRow(loss, r, target, scratch);
      }
    }
  }

  private void countedRow(CrossEntropy loss, long r, int target, Scratch scratch) {
    MemorySegment logits = CpuStorage.of(loss.logits());
    long start = row(loss.logits(), r);
    float weight = CpuStorage.get(CpuStorage.of(loss.weight()), loss.weight().offset());
    float logit = CpuStorage.get(logits, start + target);
    float max = max(logits, start, loss.vocab());
    boolean hit = loss.hits() != null && logit == max && max(logits, start, target) < max;
    Sink grad = loss.logitsGrad();
    double sum;
    if (grad == null) {
      MemorySegment values = scratch.floats(loss.vocab());
      sum = exponentials(logits, start, loss.vocab(), max, values, 0);
    } else {
      sum = gradient(loss, r, grad, target, max, weight, scratch);
    }
    double value = weight * (Math.log(sum) + ((double) max - logit));
    write(loss, r, (float) value, hit && !Double.isNaN(sum));
  }

  /** Writes the gradient of a row and returns the sum of its exponentials. */
  private double gradient(
      CrossEntropy loss, long r, Sink grad, int target, float max, float weight, Scratch scratch) {
    MemorySegment logits = CpuStorage.of(loss.logits());
    MemorySegment out = CpuStorage.of(grad.view());
    long outStart = row(grad.view(), r);
    int vocab = loss.vocab();
    MemorySegment place = grad.add() ? scratch.floats(vocab) : out;
    long placeStart = grad.add() ? 0 : outStart;
    float sum = exponentials(logits, row(loss.logits(), r), vocab, max, place, placeStart);
    loops.scale(weight / sum, place, placeStart, out, outStart, vocab, grad.add());
    float atTarget = CpuStorage.get(out, outStart + target);
    CpuStorage.set(out, outStart + target, atTarget - weight);
    return sum;
  }

  private static void write(CrossEntropy loss, long r, float value, boolean hit) {
    CpuStorage.set(CpuStorage.of(loss.losses()), loss.losses().offset() + r, value);
    View hits = loss.hits();
    if (hits != null) {
      CpuStorage.set(CpuStorage.of(hits), hits.offset() + r, hit ? 1 : 0);
    }
  }
}
