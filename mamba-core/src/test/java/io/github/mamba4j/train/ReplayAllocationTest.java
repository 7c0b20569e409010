package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.SessionBatch;
import io.github.mamba4j.spi.DType;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What is recorded makes no objects when it is replayed. On the scalar kernels only: the
 * interpreter keeps every vector in an object, so bytes on the vector kernels depend on what is
 * compiled already.
 */
@Tag("kernels")
@EnabledIfSystemProperty(named = "mamba.test.expectedKernels", matches = "scalar")
class ReplayAllocationTest {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** What is loaded or compiled late allocates in one of the first rounds; a call does in each. */
  private static final int ROUNDS = 6;

  private static final int CALLS = 20;

  /** Less than one object a call. */
  private static final long FEWER_BYTES = CALLS * 16;

  private static long allocatedBytes(Runnable call) {
    long fewest = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      fewest = Math.min(fewest, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    return fewest;
  }

  @ParameterizedTest
  @CsvSource({"1, 5", "2, 5", "1, 3"})
  void step_trainingReplayed_allocatesNothing(int accumulation, int pieceLength) {
    BatchSource data = new Fixed(2, 5);
    try (MambaModel model = Toys.model(1);
        TrainingStep step =
            TrainingStep.open(
                model, data, AdamW.of(1e-3), 1, accumulation, DType.F32, pieceLength)) {
      long bytes = allocatedBytes(() -> step.run(data, 0, 0, 1e-3));

      assertThat(bytes).isLessThan(FEWER_BYTES);
    }
  }

  @Test
  void step_decodingReplayed_allocatesNothing() {
    int[] token = {3};
    try (MambaModel model = Toys.model(1);
        InferenceState state = model.newState()) {
      long bytes =
          allocatedBytes(() -> {
            state.step(token);
            state.logits();
          });

      assertThat(bytes).isLessThan(FEWER_BYTES);
    }
  }

  @Test
  void step_sessionsTogether_allocatesNothing() {
    try (MambaModel model = Toys.model(1);
        SessionBatch batch = SessionBatch.open(model, 2)) {
      SessionBatch.Session one = batch.join(1);
      SessionBatch.Session two = batch.join(1, 2);
      long bytes =
          allocatedBytes(() -> {
            one.next(3);
            two.next(4);
            batch.step();
            one.logits();
            two.logits();
          });

      assertThat(bytes).isLessThan(FEWER_BYTES);
    }
  }

  @Test
  void prefill_sameLengthAgain_allocatesNothing() {
    int[] prompt = new int[300];
    try (MambaModel model = Toys.model(1);
        InferenceState state = model.newState()) {
      long bytes = allocatedBytes(() -> state.prefill(prompt));

      assertThat(bytes).isLessThan(FEWER_BYTES);
    }
  }

  /** The same tokens in every batch. */
  private record Fixed(int batchSize, int length) implements BatchSource {
    @Override
    public long stepsPerEpoch() {
      return 1;
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = i % Toys.VOCAB;
        targets[i] = (i + 1) % Toys.VOCAB;
      }
    }

    @Override
    public String fingerprint() {
      return "0".repeat(64);
    }
  }
}
