package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.View;

/** The choice of tokens: the launches of {@code sampling.ptx}, of parts of rows, then of rows. */
final class CudaSampling implements SamplingKernels {
  private static final int THREADS = 1024;

  /** Keys that are sorted in shared memory: {@code SORTED} of the kernels. */
  private static final int SORTED = 4096;

  private static final int KEY_FLOATS = Long.BYTES / Float.BYTES;

  /** Blocks that share a row at first: {@code PARTS} of the kernels. */
  private static final int PARTS = 16;

  /** Three numbers of each part. */
  private static final int PART_FLOATS = 3 * PARTS;

  private final Launcher launcher;

  CudaSampling(Launcher launcher) {
    this.launcher = launcher;
  }

  /** Returns how many keys of a row may have to be sorted in the workspace, a power of two. */
  private static int keys(int vocab) {
    return vocab <= SORTED ? 0 : Integer.highestOneBit(vocab - 1) << 1;
  }

  /** Some more, so that the keys begin at a multiple of their size. */
  @Override
  public long sampleWorkspaceFloats(int rows, int vocab) {
    return (long) rows * (PART_FLOATS + keys(vocab) * KEY_FLOATS) + KEY_FLOATS - 1;
  }

  @Override
  public void sample(Sample sample) {
    assert sample.vocab() <= MOST_VOCAB : sample;
    int rows = sample.rows();
    View seen = sample.seen();
    String type = sample.logits().type() == DType.BF16 ? "bf16" : "f32";
    long keys = Math.ceilDiv(DeviceMemory.address(sample.workspace()), Long.BYTES) * Long.BYTES;
    long parts = keys + (long) rows * keys(sample.vocab()) * Long.BYTES;
    launcher.launch(
        new Kernel("sampling", "parts_" + type),
        new Grid(PARTS, rows, THREADS, 1),
        new Arguments().matrix(sample.logits()).wide(parts).number(sample.vocab()));
    Arguments arguments =
        new Arguments()
            .pointer(sample.tokens())
            .matrix(sample.logits())
            .pointer(sample.settings())
            .pointer(sample.state())
            .pointer(seen)
            .wide(seen == null ? 0 : seen.stride())
            .wide(keys)
            .wide(keys(sample.vocab()))
            .pointer(sample.logProbabilities())
            .wide(parts)
            .number(sample.vocab());
    launcher.launch(
        new Kernel("sampling", "sample_" + type), new Grid(rows, 1, THREADS, 1), arguments);
  }
}
