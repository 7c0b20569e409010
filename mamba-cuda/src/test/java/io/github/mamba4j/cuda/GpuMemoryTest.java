package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A GPU whose memory is full. */
@OnGpu
class GpuMemoryTest {
  private static final long PIECE = 1 << 30;
  private static final int VOCAB = 512;

  /** Takes all memory but less than a piece. */
  private static List<Storage> fill(CudaBackend backend) {
    List<Storage> taken = new ArrayList<>();
    for (long size = PIECE; size >= PIECE >> 4; size /= 2) {
      try {
        while (true) {
          taken.add(backend.allocate(size));
        }
      } catch (OutOfMemoryError e) {
        assertThat(e).hasMessageContaining(size + " bytes were asked for");
      }
    }
    return taken;
  }

  @Test
  void training_memoryIsFull_saysSoAndGoesOnWhenThereIsRoom() {
    CudaBackend backend = TestGpu.real();
    Ones data = new Ones(16, 2048, 4);
    try (Device gpu = Device.of(backend);
        MambaModel model =
            MambaModel.builder().dModel(256).nLayers(4).vocabSize(VOCAB).device(gpu).build()) {
      List<Storage> taken = fill(backend);
      assertThatExceptionOfType(OutOfMemoryError.class)
          .isThrownBy(() -> train(model, data))
          .withMessageContaining("choose a smaller batch, length or model");
      taken.forEach(backend::free);
      assertThat(train(model, data)).isFinite();
    }
  }

  private static double train(MambaModel model, Ones data) {
    try (TrainingStep step = TrainingStep.open(model, data, AdamW.of(1e-3), 1, 1, DType.BF16)) {
      assertThat(step.run(data, 0, 0, 1e-3)).isTrue();
      return step.loss();
    }
  }
}
