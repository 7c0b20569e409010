package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import org.junit.jupiter.api.Test;

/** Training on a GPU whose memory ends, at whichever block. */
class EmulatedShortageTest {
  private static final int MOST_BLOCKS = 100;

  /** Elements that leave room for a few, but not for as many again. */
  private static final int LARGE = 200_000;

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

  @Test
  void empty_memoryEnds_scopeGoesOnWhenThereIsMore() {
    EmulatedGpu emulated = new EmulatedGpu();
    try (Device gpu = Device.of(new CudaBackend(emulated));
        Scope scope = gpu.openScope()) {
      scope.empty(Shape.of(LARGE));
      emulated.limitAllocations(0);
      assertThatExceptionOfType(OutOfMemoryError.class)
          .isThrownBy(() -> scope.empty(Shape.of(LARGE)));
      assertThat(scope.empty(Shape.of(1)).shape().elements()).isOne();
      emulated.limitAllocations(Integer.MAX_VALUE);
      assertThat(scope.empty(Shape.of(LARGE)).shape().elements()).isEqualTo(LARGE);
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
