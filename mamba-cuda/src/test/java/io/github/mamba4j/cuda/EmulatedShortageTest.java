package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import org.junit.jupiter.api.Test;

/** Training on a GPU whose memory ends, at whichever block. */
class EmulatedShortageTest {
  private static final int MOST_BLOCKS = 100;

  @Test
  void training_memoryEndsAtAnyBlock_leavesNothingBehindAndWorksWhenThereIsMore() {
    EmulatedGpu emulated = new EmulatedGpu();
    try (Device gpu = Device.of(new CudaBackend(emulated));
        MambaModel model =
            MambaModel.builder().dModel(8).nLayers(1).vocabSize(5).device(gpu).build()) {
      int blocks = 0;
      while (!trains(emulated, model, blocks)) {
        blocks++;
        assertThat(blocks).isLessThan(MOST_BLOCKS);
      }
      assertThat(blocks).isPositive();
    }
  }

  /** Returns whether a step ran with memory for so many blocks; if not, nothing of it is left. */
  private static boolean trains(EmulatedGpu gpu, MambaModel model, int blocks) {
    int held = gpu.held();
    Ones data = new Ones(1, 3, 2);
    gpu.limitAllocations(blocks);
    try (TrainingStep step = TrainingStep.open(model, data, AdamW.of(1e-3), 1, 1, DType.BF16)) {
      return step.run(data, 0, 0, 1e-3);
    } catch (OutOfMemoryError e) {
      assertThat(e).hasMessageContaining("bytes were asked for");
      return false;
    } finally {
      gpu.limitAllocations(Integer.MAX_VALUE);
      assertThat(gpu.held()).as("after %d blocks", blocks).isEqualTo(held);
    }
  }
}
