package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.model.MambaModel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingStepTest {
  private static final double RATE = 1e-2;

  /** Noise that says which batches were read, and has one that cannot be. */
  private record Watched(BatchSource noise, List<String> reads, long broken)
      implements BatchSource {
    @Override
    public int batchSize() {
      return noise.batchSize();
    }

    @Override
    public int length() {
      return noise.length();
    }

    @Override
    public long stepsPerEpoch() {
      return noise.stepsPerEpoch();
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      if (step == broken) {
        throw new IllegalStateException("no batch " + step);
      }
      reads.add(epoch + "." + step);
      noise.read(epoch, step, inputs, targets);
    }

    @Override
    public String fingerprint() {
      return noise.fingerprint();
    }
  }

  private static Watched watched(long broken) {
    return new Watched(Toys.noise(4), new ArrayList<>(), broken);
  }

  @Test
  void run_inOrder_readsEachBatchOnce() {
    Watched data = watched(-1);
    try (MambaModel model = Toys.model(1);
        TrainingStep step = TrainingStep.open(model, data, AdamW.of(RATE), 1, 2)) {
      step.run(data, 0, 0, RATE);
      step.run(data, 0, 1, RATE);
      step.run(data, 1, 0, RATE);
      assertThat(data.reads).containsExactly("0.0", "0.1", "0.2", "0.3", "1.0", "1.1", "1.2");
    }
  }

  @Test
  void run_outOfOrder_takesTheBatchAskedFor() {
    Watched data = watched(-1);
    double[] losses = new double[2];
    try (MambaModel model = Toys.model(1);
        TrainingStep step = TrainingStep.open(model, data, AdamW.of(RATE), 1, 1)) {
      for (int i = 0; i < losses.length; i++) {
        step.run(data, 0, 2, 0);
        losses[i] = step.loss();
      }
    }
    assertThat(losses[1]).isEqualTo(losses[0]);
  }

  @Test
  void run_batchThatCannotBeRead_failsInItsOwnStep() {
    Watched data = watched(1);
    try (MambaModel model = Toys.model(1);
        TrainingStep step = TrainingStep.open(model, data, AdamW.of(RATE), 1, 1)) {
      assertThat(step.run(data, 0, 0, RATE)).isTrue();
      assertThatThrownBy(() -> step.run(data, 0, 1, RATE)).hasMessage("no batch 1");
      assertThat(step.run(data, 0, 2, RATE)).isTrue();
      assertThat(step.updates()).isEqualTo(2);
    }
  }

  @Test
  void run_severalBatches_sumsTheGradientsOfNoOtherStep() {
    double[] norms = new double[2];
    for (int i = 0; i < norms.length; i++) {
      // The same batch once and twice: the mean gradient is the same.
      BatchSource same = new Toys.Fixed(2, 4, 4, new int[8], new int[8]);
      try (MambaModel model = Toys.model(1);
          TrainingStep step = TrainingStep.open(model, same, AdamW.of(RATE), 1, i + 1)) {
        step.run(same, 0, 0, 0);
        step.run(same, 0, 1, 0);
        norms[i] = step.gradientNorm();
      }
    }
    assertThat(norms[1]).isCloseTo(norms[0], within(1e-6 * norms[0]));
  }
}
