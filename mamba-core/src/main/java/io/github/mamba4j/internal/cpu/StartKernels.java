package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The vector kernels of a JVM that may have only just started.
 *
 * <p>Until loops over vectors are compiled, which takes tenths of a second each, they are hundreds
 * of times slower than afterwards, and the first token of a model would wait for all of them. So
 * what it takes, products of few rows and everything forward that is no product, is done by loops
 * over arrays at first ({@link ArrayDots} says why these are fast at once). They give the same
 * bits, so it does not matter to results when the change comes: when the host has read something,
 * which is the first token's logits or a loss, or has computed much without, once for all of the
 * JVM. The loops over vectors are compiled then, while the next tokens are computed. All else, and
 * what trains, goes to the vector kernels from the start.
 */
final class StartKernels implements KernelSet {
  /** Kernels after which the change comes, if nothing was read before: several thousand tokens. */
  static final int MANY_KERNELS = 2000;

  /** Whether loops over vectors are in use. */
  static final class Change {
    private volatile boolean made;
  }

  /** Compiled code belongs to the JVM. */
  private static final Change JVM = new Change();

  private final WorkerPool pool;
  private final Change change;
  private final MatmulKernels matmul;
  private final ScanKernels scan;
  private final ConvKernels conv;
  private final NormKernels norm;
  private final ElementwiseKernels elementwise;
  private final GatherKernels gather;
  private volatile @Nullable KernelSet vectors;
  private int kernels;

  StartKernels(WorkerPool pool) {
    this(pool, JVM);
  }

  /** For tests: with a change of its own. */
  StartKernels(WorkerPool pool, Change change) {
    this.pool = pool;
    this.change = change;
    ArrayWarmUp.start();
    matmul = new Matmul();
    scan = new Scan();
    conv = new Conv();
    norm = new Norm();
    elementwise = new Elementwise();
    gather = new Gather();
  }

  /** Returns the vector kernels, whose classes are loaded when they are needed first. */
  private KernelSet vectors() {
    KernelSet made = vectors;
    return made == null ? makeVectors() : made;
  }

  private synchronized KernelSet makeVectors() {
    KernelSet made = vectors;
    if (made == null) {
      made = VectorKernels.create(pool);
      vectors = made;
    }
    return made;
  }

  /** Returns the vector kernels for what only training needs. */
  private KernelSet training() {
    change();
    return vectors();
  }

  /** Whether a kernel is to be done by loops over arrays. */
  private boolean isCold() {
    if (change.made) {
      return false;
    }
    ArrayWarmUp.end();
    // Not counted with care: threads may lose some.
    if (++kernels >= MANY_KERNELS) {
      change();
    }
    return !change.made;
  }

  private void change() {
    if (!change.made) {
      change.made = true;
      ArrayWarmUp.end();
    }
  }

  /** Returns whether loops over vectors are in use. */
  boolean usesVectors() {
    return change.made;
  }

  @Override
  public String name() {
    return "vector-" + VectorWidth.LANES * Float.SIZE;
  }

  @Override
  public MatmulKernels matmul() {
    return matmul;
  }

  @Override
  public ScanKernels scan() {
    return scan;
  }

  @Override
  public SsdKernels ssd() {
    return vectors().ssd();
  }

  @Override
  public ConvKernels conv() {
    return conv;
  }

  @Override
  public NormKernels norm() {
    return norm;
  }

  @Override
  public ElementwiseKernels elementwise() {
    return elementwise;
  }

  @Override
  public LossKernels loss() {
    return training().loss();
  }

  @Override
  public GatherKernels gather() {
    return gather;
  }

  @Override
  public OptimizerKernels optimizer() {
    return training().optimizer();
  }

  /** The first token is there. */
  @Override
  public void afterRead() {
    change();
  }

  private final class Matmul implements MatmulKernels {
    private final ScalarMatmul cold = new ScalarMatmul(pool);

    @Override
    public int batchInvariantRows() {
      return cold.batchInvariantRows();
    }

    @Override
    public void matmul(Product product) {
      if (CpuMatmul.isDots(product) && isCold()) {
        cold.matmul(product);
      } else {
        vectors().matmul().matmul(product);
      }
    }
  }

  private final class Scan implements ScanKernels {
    private final ScanForward cold = new ScanForward(pool, new ArrayScanLoops());
    private final ScanStep coldStep = new ScanStep(pool, new ArrayStepLoops());

    @Override
    public long checkpointFloats(ScanKernels.Shape shape) {
      return ScanForward.checkpointFloats(shape);
    }

    @Override
    public long forwardWorkspaceFloats(ScanKernels.Shape shape) {
      return ScanForward.workspaceFloats(shape);
    }

    @Override
    public long backwardWorkspaceFloats(ScanKernels.Shape shape) {
      return ScanBackward.workspaceFloats(shape);
    }

    @Override
    public long prefixWorkspaceFloats(int batch, int length, int width, PrefixAlgorithm algorithm) {
      return PrefixScan.workspaceFloats(batch, length, width, algorithm);
    }

    @Override
    public void forward(ScanKernels.Forward scan) {
      boolean inference =
          scan.checkpoints() == null
              && !ScanStage.zoh(scan.shape())
              && ScanTile.segments(scan.shape()) == 1;
      if (!inference || !isCold()) {
        vectors().scan().forward(scan);
      } else if (ScanStep.fits(scan)) {
        coldStep.run(scan);
      } else {
        cold.run(scan);
      }
    }

    @Override
    public void backward(ScanKernels.Backward scan) {
      training().scan().backward(scan);
    }

    @Override
    public void prefix(Prefix scan) {
      vectors().scan().prefix(scan);
    }
  }

  private final class Conv implements ConvKernels {
    private final ConvKernels cold = new ArrayConv(pool);

    @Override
    public long backwardWorkspaceFloats(ConvKernels.Shape shape) {
      return cold.backwardWorkspaceFloats(shape);
    }

    @Override
    public void forward(ConvKernels.Forward conv) {
      (isCold() ? cold : vectors().conv()).forward(conv);
    }

    @Override
    public void backward(ConvKernels.Backward conv) {
      training().conv().backward(conv);
    }
  }

  private final class Norm implements NormKernels {
    private final NormKernels cold = new ArrayNorm(pool);

    @Override
    public long backwardWorkspaceFloats(int rows, int width) {
      return cold.backwardWorkspaceFloats(rows, width);
    }

    @Override
    public void forward(NormKernels.Forward norm) {
      (isCold() ? cold : vectors().norm()).forward(norm);
    }

    @Override
    public void backward(NormKernels.Backward norm) {
      training().norm().backward(norm);
    }

    @Override
    public long gatedBackwardWorkspaceFloats(GatedShape shape) {
      return cold.gatedBackwardWorkspaceFloats(shape);
    }

    @Override
    public void gatedForward(GatedForward norm) {
      vectors().norm().gatedForward(norm);
    }

    @Override
    public void gatedBackward(GatedBackward norm) {
      vectors().norm().gatedBackward(norm);
    }
  }

  private final class Elementwise implements ElementwiseKernels {
    private final ElementwiseKernels cold = new ScalarElementwise(pool, new ArrayRows());

    private ElementwiseKernels now() {
      return isCold() ? cold : vectors().elementwise();
    }

    @Override
    public long sumWorkspaceFloats(Axis axis, int rows, int cols) {
      return cold.sumWorkspaceFloats(axis, rows, cols);
    }

    @Override
    public void map(Map map) {
      now().map(map);
    }

    @Override
    public void mapBackward(MapBackward map) {
      vectors().elementwise().mapBackward(map);
    }

    @Override
    public void combine(Combine combine) {
      now().combine(combine);
    }

    @Override
    public void scale(Scale scale) {
      now().scale(scale);
    }

    @Override
    public void transpose(Transpose transpose) {
      now().transpose(transpose);
    }

    @Override
    public void decay(Decay decay) {
      now().decay(decay);
    }

    @Override
    public void decayBackward(DecayBackward decay) {
      vectors().elementwise().decayBackward(decay);
    }

    @Override
    public void fill(View out, int rows, int cols, float value) {
      now().fill(out, rows, cols, value);
    }

    @Override
    public void sum(Sum sum) {
      vectors().elementwise().sum(sum);
    }
  }

  private final class Gather implements GatherKernels {
    private final GatherKernels cold = new CpuGather(pool, new ArrayRows());

    @Override
    public void lookup(Lookup lookup) {
      // The same loops in both.
      cold.lookup(lookup);
    }

    @Override
    public void lookupBackward(LookupBackward lookup) {
      vectors().gather().lookupBackward(lookup);
    }
  }
}
