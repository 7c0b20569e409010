package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.View;

/** The choice of tokens: the launch of {@code sampling.ptx}, a block of threads a row. */
final class CudaSampling implements SamplingKernels {
  private static final int THREADS = 1024;

  /** Keys that are sorted in shared memory: {@code SORTED} of the kernels. */
  private static final int SORTED = 4096;

  private static final int KEY_FLOATS = Long.BYTES / Float.BYTES;

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
    return (long) rows * keys(vocab) * KEY_FLOATS + KEY_FLOATS - 1;
  }

  @Override
  public void sample(Sample sample) {
    assert sample.vocab() <= MOST_VOCAB : sample;
    View seen = sample.seen();
    long workspace = DeviceMemory.address(sample.workspace());
    Arguments arguments =
        new Arguments()
            .pointer(sample.tokens())
            .matrix(sample.logits())
            .pointer(sample.settings())
            .pointer(sample.state())
            .pointer(seen)
            .wide(seen == null ? 0 : seen.stride())
            .wide(Math.ceilDiv(workspace, Long.BYTES) * Long.BYTES)
            .wide(keys(sample.vocab()))
            .number(sample.vocab());
    String name = sample.logits().type() == DType.BF16 ? "sample_bf16" : "sample_f32";
    Grid grid = new Grid(sample.rows(), 1, THREADS, 1);
    launcher.launch(new Kernel("sampling", name), grid, arguments);
    Arguments more =
        new Arguments()
            .pointer(sample.tokens())
            .matrix(sample.logits())
            .pointer(sample.logProbabilities())
            .number(sample.vocab());
    launcher.launch(new Kernel("sampling", name.replace("sample", "log_probability")), grid, more);
  }
}
