package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluatorTest {
  private static final int IGNORE = CrossEntropyOp.IGNORE;

  /** Two batches of one row with three targets and one. */
  private static final class Uneven implements BatchSource {
    @Override
    public int batchSize() {
      return 1;
    }

    @Override
    public int length() {
      return 3;
    }

    @Override
    public long stepsPerEpoch() {
      return 2;
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      int[] ids = step == 0 ? new int[] {3, 1, 4} : new int[] {5, 9, 2};
      int[] next = step == 0 ? new int[] {1, 4, 1} : new int[] {IGNORE, 2, IGNORE};
      System.arraycopy(ids, 0, inputs, 0, 3);
      System.arraycopy(next, 0, targets, 0, 3);
    }

    @Override
    public String fingerprint() {
      return "b".repeat(64);
    }
  }

  /** Negative log-probability of a token and whether it is the first largest, in double. */
  private static double loss(float[] logits, int row, int target) {
    double sum = 0;
    for (int i = 0; i < Toys.VOCAB; i++) {
      sum += Math.exp(logits[row * Toys.VOCAB + i]);
    }
    return Math.log(sum) - logits[row * Toys.VOCAB + target];
  }

  private static int best(float[] logits, int row) {
    int best = 0;
    for (int i = 1; i < Toys.VOCAB; i++) {
      if (logits[row * Toys.VOCAB + i] > logits[row * Toys.VOCAB + best]) {
        best = i;
      }
    }
    return best;
  }

  @Test
  void evaluate_unevenBatches_weighsEachTargetTheSame() {
    Uneven source = new Uneven();
    try (MambaModel model = Toys.model(1);
        Scope scope = model.openScope()) {
      double losses = 0;
      int hits = 0;
      for (int step = 0; step < 2; step++) {
        int[] inputs = new int[3];
        int[] targets = new int[3];
        source.read(0, step, inputs, targets);
        float[] logits = model.forward(model.ids(scope, Shape.of(1, 3), inputs)).toFloats();
        for (int i = 0; i < 3; i++) {
          if (targets[i] != IGNORE) {
            losses += loss(logits, i, targets[i]);
            hits += best(logits, i) == targets[i] ? 1 : 0;
          }
        }
      }

      Evaluation evaluation = Evaluator.evaluate(model, source);

      assertThat(evaluation.targets()).isEqualTo(4);
      assertThat(evaluation.loss()).isCloseTo(losses / 4, within(1e-6));
      assertThat(evaluation.accuracy()).isEqualTo(hits / 4.0);
      assertThat(evaluation.perplexity()).isCloseTo(Math.exp(losses / 4), within(1e-4));
      assertThat(evaluation.bitsPer(8)).isCloseTo(losses / 8 / Math.log(2), within(1e-6));
      assertThat(evaluation.perplexityPer(8)).isCloseTo(Math.exp(losses / 8), within(1e-5));
      assertThatThrownBy(() -> evaluation.bitsPer(0))
          .hasMessage("Evaluation: units must be positive, got 0");
    }
  }

  @Test
  void evaluate_changedModel_isMeasuredAnew() {
    try (MambaModel model = Toys.model(1);
        Evaluator evaluator = Evaluator.open(model, Toys.noise(3))) {
      Evaluation before = evaluator.evaluate();
      assertThat(evaluator.evaluate()).isEqualTo(before);

      model.parameters().get("backbone.norm_f.weight").write(zeros(16));

      assertThat(evaluator.evaluate().loss()).isCloseTo(Math.log(Toys.VOCAB), within(1e-6));
    }
  }

  private static MemorySegment zeros(int count) {
    return MemorySegment.ofArray(new float[count]);
  }

  @Test
  void evaluate_firstBatches_leavesTheOthersOut() {
    try (MambaModel model = Toys.model(1);
        Evaluator evaluator = Evaluator.open(model, Toys.noise(3))) {
      assertThat(evaluator.evaluate(2).targets()).isEqualTo(2 * 14);
      assertThat(evaluator.evaluate(9).targets()).isEqualTo(3 * 14);
      assertThatThrownBy(() -> evaluator.evaluate(0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("Evaluator: maxBatches must be positive, got 0");
    }
  }

  @Test
  void evaluate_toldToStop_givesWhatItHas() {
    List<Evaluation> seen = new ArrayList<>();
    try (MambaModel model = Toys.model(1);
        Evaluator evaluator = Evaluator.open(model, Toys.noise(5))) {
      Evaluation two =
          evaluator.evaluate(
              Long.MAX_VALUE,
              soFar -> {
                seen.add(soFar);
                return seen.size() < 2;
              });

      assertThat(seen).extracting(Evaluation::targets).containsExactly(14L, 28L);
      assertThat(two).isEqualTo(seen.getLast()).isEqualTo(evaluator.evaluate(2));
    }
  }

  @Test
  void evaluate_noTargets_isRefused() {
    BatchSource silent = new Toys.Fixed(1, 2, 1, new int[] {1, 2}, new int[] {IGNORE, IGNORE});
    try (MambaModel model = Toys.model(1)) {
      assertThatThrownBy(() -> Evaluator.evaluate(model, silent))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("Evaluator: none of the 1 batches has a target that counts");
    }
  }
}
