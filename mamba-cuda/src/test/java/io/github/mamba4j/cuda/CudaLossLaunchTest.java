package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The host side of the loss kernels, without a GPU. */
class CudaLossLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final LossKernels kernels = new CudaLoss(launcher);
  private final DeviceMemory memory = new DeviceMemory(1 << 20, 1 << 20);
  private final View floats = new View(memory, DType.F32, 0, 1);
  private final View ids = new View(memory, DType.I32, 0, 1);

  private View logits(DType type, long offset, int stride) {
    return new View(memory, type, offset, stride);
  }

  private void launch(int rows, int vocab, View logits, @Nullable Sink grad) {
    kernels.crossEntropy(
        new LossKernels.CrossEntropy(rows, vocab, logits, ids, floats, floats, null, grad));
  }

  @Test
  void launches_everyKernel_haveTheParametersOfItsSignature() {
    kernels.meanWeight(ids, 5, floats);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      for (long offset : new long[] {0, 1}) {
        for (int vocab : new int[] {128, 4096}) {
          View logits = logits(type, offset, vocab);
          launch(3, vocab, logits, new Sink(logits, false));
          launch(3, vocab, logits, new Sink(logits, true));
        }
      }
    }
    launcher.assertAllLaunched("loss");
    launch(3, 256, logits(DType.F32, 0, 256), null);
    assertThat(launcher.launched.getLast()).isEqualTo("cross_entropy_f32_wide_warp_0");
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 0, 256, 256, wide_warp",
    "BF16, 8, 50280, 50280, wide_block",
    "BF16, 4, 50280, 50280, single_block",
    "BF16, 0, 50277, 50280, single_block",
    "BF16, 0, 50280, 50281, single_block",
    "BF16, 0, 7, 7, single_warp",
    "F32, 4, 512, 516, wide_warp",
    "F32, 4, 516, 516, wide_block",
    "F32, 5, 256, 256, single_block",
  })
  void variant_addressStrideAndClasses_areVectorsOnlyIfAllAllowIt(
      DType type, long offset, int vocab, int stride, String variant) {
    launch(2, vocab, logits(type, offset, stride), null);
    assertThat(launcher.launched.getLast()).contains("_" + variant + "_");
    launch(2, vocab, logits(type, 0, 8 * vocab), new Sink(logits(type, 1, vocab), false));
    assertThat(launcher.launched.getLast()).contains("_single_");
  }

  @Test
  void grids_rowsAndClasses_coverTheRowsAndKeepWhatFits() {
    launch(17, 1024, logits(DType.BF16, 0, 1024), null);
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(3, 1, 32, 8));
    launch(131_072, 8192, logits(DType.BF16, 0, 8192), null);
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(131_072, 1, 256, 1).shared(16 << 10));
    launch(4, 50_280, logits(DType.F32, 0, 50_280), null);
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(4, 1, 512, 1).shared(96 << 10));
    launch(4, 50_277, logits(DType.F32, 0, 50_277), null);
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(4, 1, 512, 1));
  }
}
