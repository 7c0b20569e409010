package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;

/**
 * Softmax cross-entropy: the launches of {@code loss.ptx}.
 *
 * <p>A row of few classes is one warp's, a longer one a block's, which keeps what fits of the row
 * in shared memory between reading it and writing its gradient. Sums run in an order given by the
 * number of classes and the way they are read.
 */
final class CudaLoss implements LossKernels {
  private static final int WARP = 32;

  /** Rows of a block where a warp has a row. */
  private static final int WARP_ROWS = 8;

  /** Vectors that a thread has under way at once: {@code UNROLL} of the kernels. */
  private static final int UNROLL = 4;

  private static final int MOST_THREADS = 512;
  private static final int MEAN_WEIGHT_THREADS = 1024;
  private static final int VECTOR_BYTES = 16;

  /**
   * Vectors of a row that are kept: 96 KiB, what every GPU from compute capability 8.0 on has for a
   * block. On those with 228 KiB a multiprocessor runs two such blocks, so that one computes while
   * the other waits for memory.
   */
  private static final int MOST_KEPT = (96 << 10) / VECTOR_BYTES;

  private static final long CACHED_HEAD_BYTES = 16 << 20;
  private static final int CACHED_LOGITS = 1 << 24;
  private static final int STREAMED_LOGITS = 1 << 28;
  private static final int LEAST_ROWS = 256;

  private final Launcher launcher;

  CudaLoss(Launcher launcher) {
    this.launcher = launcher;
  }

  /**
   * Logits of 32 MiB in BF16, which the L2 cache of a large GPU holds; where the head's gradient
   * does not fit beside them, sixteen times as many, since each time it is read and written in
   * whole. A power of two, since products are cut into squares.
   */
  @Override
  public int rowsAtATime(int vocab, int width) {
    boolean fits = (long) vocab * width * Float.BYTES <= CACHED_HEAD_BYTES;
    int most = (fits ? CACHED_LOGITS : STREAMED_LOGITS) / vocab;
    return Math.max(LEAST_ROWS, Integer.highestOneBit(most));
  }

  @Override
  public void meanWeight(View targets, int count, View out) {
    Arguments arguments = new Arguments().pointer(targets).pointer(out).number(count);
    Grid grid = new Grid(1, 1, MEAN_WEIGHT_THREADS, 1);
    launcher.launch(new Kernel("loss", "mean_weight"), grid, arguments);
  }

  @Override
  public void crossEntropy(CrossEntropy loss) {
    boolean wide = isWide(loss);
    int vector = wide ? VECTOR_BYTES / loss.logits().type().blockBytes() : 1;
    int vectors = loss.vocab() / vector;
    boolean warp = vectors <= WARP * UNROLL;
    int kept = wide && !warp ? Math.min(vectors, MOST_KEPT) : 0;
    Grid grid =
        warp
            ? new Grid(Math.ceilDiv(loss.rows(), WARP_ROWS), 1, WARP, WARP_ROWS)
            : new Grid(loss.rows(), 1, blockThreads(vectors), 1).shared(kept * VECTOR_BYTES);
    Arguments arguments = new Arguments();
    Sink grad = loss.logitsGrad();
    if (grad == null) {
      arguments.wide(0).wide(0);
    } else {
      arguments.matrix(grad);
    }
    arguments
        .matrix(loss.logits())
        .pointer(loss.targets())
        .pointer(loss.weight())
        .pointer(loss.losses())
        .pointer(loss.hits())
        .number(loss.rows())
        .number(loss.vocab())
        .number(kept);
    launcher.launch(kernel(loss, wide, warp), grid, arguments);
  }

  private static Kernel kernel(CrossEntropy loss, boolean wide, boolean warp) {
    Sink grad = loss.logitsGrad();
    String type = loss.logits().type() == DType.BF16 ? "bf16" : "f32";
    String add = grad != null && grad.add() ? "1" : "0";
    String form = (wide ? "_wide" : "_single") + (warp ? "_warp_" : "_block_");
    return new Kernel("loss", "cross_entropy_" + type + form + add);
  }

  /** Returns whole warps with up to {@link #UNROLL} vectors a thread. */
  private static int blockThreads(int vectors) {
    return Math.min(Math.ceilDiv(vectors, UNROLL * WARP) * WARP, MOST_THREADS);
  }

  private static boolean isWide(CrossEntropy loss) {
    Sink grad = loss.logitsGrad();
    DType type = loss.logits().type();
    assert grad == null || grad.view().type() == type : loss;
    return type.bytes(loss.vocab()) % VECTOR_BYTES == 0
        && Vectors.startsAt(loss.logits(), VECTOR_BYTES)
        && (grad == null || Vectors.startsAt(grad.view(), VECTOR_BYTES));
  }
}
