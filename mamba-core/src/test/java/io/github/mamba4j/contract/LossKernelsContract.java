package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.Sink;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every cross-entropy must do. */
public abstract class LossKernelsContract extends KernelsContract<LossKernels> {
  @Override
  final LossKernels kernels(Backend backend) {
    return backend.loss();
  }

  /** Of the largest value: an exponential, a sum in several lanes and a product. */
  private static final double TOLERANCE = 1e-6;

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void crossEntropy_overwriting_followsTheEquation(int vocab) {
    Case test = new Case(9, vocab);
    TestMatrix grad = new TestMatrix(9, vocab, 3);
    test.run(kernels(2), grad.sink(false));
    test.assertLosses();
    grad.assertClose(test.gradient(), TOLERANCE);
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void crossEntropy_adding_followsTheEquation(int vocab) {
    Case test = new Case(9, vocab);
    TestMatrix grad = matrix(9, vocab, 3);
    double[][] expected = test.gradient();
    for (int r = 0; r < 9; r++) {
      for (int c = 0; c < vocab; c++) {
        expected[r][c] += grad.get(r, c);
      }
    }
    test.run(kernels(2), grad.sink(true));
    test.assertLosses();
    grad.assertClose(expected, TOLERANCE);
  }

  @Test
  void crossEntropy_noGradient_leavesTheLogits() {
    Case test = new Case(9, 35);
    TestMatrix before = test.logits.copy();
    test.run(kernels(1), null);
    test.assertLosses();
    test.logits.assertSameBits(before);
  }

  @Test
  void crossEntropy_gradientInTheMemoryOfTheLogits_followsTheEquation() {
    Case test = new Case(40, 1031);
    double[][] expected = test.gradient();
    double[] losses = test.losses();
    test.run(kernels(3), test.logits.sink(false));
    test.losses.assertClose(new double[][] {losses}, TOLERANCE);
    test.logits.assertClose(expected, TOLERANCE);
  }

  @ParameterizedTest
  @ValueSource(floats = {1000, -1000, 1e30f})
  void crossEntropy_largeLogits_stayFinite(float shift) {
    Case test = new Case(3, 35);
    for (int c = 0; c < 35; c++) {
      test.logits.set(1, c, test.logits.get(1, c) + shift);
    }
    test.run(kernels(1), null);
    test.assertLosses();
  }

  @Test
  void crossEntropy_maskedLogits_haveNoProbability() {
    Case test = new Case(1, 35);
    test.logits.set(0, 3, Float.NEGATIVE_INFINITY);
    test.logits.set(0, 34, Float.NEGATIVE_INFINITY);
    TestMatrix grad = new TestMatrix(1, 35, 0);
    test.run(kernels(1), grad.sink(false));
    test.assertLosses();
    assertThat(grad.get(0, 3)).isZero();
    assertThat(grad.get(0, 34)).isZero();
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void crossEntropy_oneBadLogit_givesALossThatIsNotANumber(float bad) {
    for (int place = 0; place < 35; place++) {
      Case test = new Case(2, 35);
      test.logits.set(0, place, bad);
      TestMatrix grad = new TestMatrix(2, 35, 0);
      test.run(kernels(1), grad.sink(false));
      assertThat(test.losses.get(0, 0)).isNaN();
      assertThat(test.hits.get(0, 0)).isZero();
      assertThat(grad.get(0, place)).isNaN();
      assertThat(test.losses.get(0, 1)).isNotNaN();
    }
  }

  @Test
  void crossEntropy_nothingButMaskedLogits_isNotANumber() {
    Case test = new Case(1, 35);
    for (int c = 0; c < 35; c++) {
      test.logits.set(0, c, Float.NEGATIVE_INFINITY);
    }
    test.run(kernels(1), null);
    assertThat(test.losses.get(0, 0)).isNaN();
  }

  @Test
  void crossEntropy_equalLargestLogits_onlyTheFirstIsAHit() {
    Case test = new Case(3, 35);
    for (int r = 0; r < 3; r++) {
      test.logits.set(r, 10, 50);
      test.logits.set(r, 30, 50);
    }
    test.targets[0] = 10;
    test.targets[1] = 30;
    test.targets[2] = 11;
    test.run(kernels(1), null);
    test.hits.assertClose(new double[][] {{1, 0, 0}}, 0);
  }

  @Test
  void crossEntropy_ignoredRow_countsNothing() {
    Case test = new Case(3, 35);
    test.targets[1] = LossKernels.IGNORE;
    test.logits.set(1, 4, Float.NaN);
    TestMatrix grad = new TestMatrix(3, 35, 1);
    test.run(kernels(1), grad.sink(false));
    assertThat(test.losses.get(0, 1)).isZero();
    assertThat(test.hits.get(0, 1)).isZero();
    TestMatrix before = grad.copy();
    for (int c = 0; c < 35; c++) {
      assertThat(grad.get(1, c)).isZero();
    }
    test.run(kernels(1), grad.sink(true));
    for (int c = 0; c < 35; c++) {
      assertThat(grad.get(1, c)).isEqualTo(before.get(1, c));
    }
  }

  @Test
  void crossEntropy_threads_sameBits() {
    Case test = new Case(100, 1031);
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix grad = new TestMatrix(100, 1031, 0);
      test.run(kernels, grad.sink(false));
      return List.of(test.losses.copy(), test.hits.copy(), grad);
    });
  }

  @Test
  void crossEntropy_gradient_agreesWithDifferencesOfTheLoss() {
    Case test = new Case(1, 7);
    double[] gradient = test.gradient()[0];
    for (int c = 0; c < 7; c++) {
      float logit = test.logits.get(0, c);
      test.logits.set(0, c, logit + 0x1p-10f);
      double above = test.losses()[0];
      test.logits.set(0, c, logit - 0x1p-10f);
      double below = test.losses()[0];
      test.logits.set(0, c, logit);
      double slope = (above - below) * 0x1p9;
      assertThat(Math.abs(slope - gradient[c])).isLessThan(1e-6);
    }
  }

  @Test
  void meanWeight_someIgnored_countsTheOthers() {
    TestMatrix out = new TestMatrix(1, 1, 0);
    int ignore = LossKernels.IGNORE;
    kernels(1).meanWeight(TestMatrix.ids(3, ignore, 0, 7, ignore), 5, out.view());
    assertThat(out.get(0, 0)).isEqualTo(1f / 3);
    kernels(1).meanWeight(TestMatrix.ids(ignore, ignore), 2, out.view());
    assertThat(out.get(0, 0)).isEqualTo(1);
  }

  /** Random logits and targets, and the truth in double precision. */
  private final class Case {
    static final float WEIGHT = 0.25f;

    final TestMatrix logits;
    final int[] targets;
    final TestMatrix losses;
    final TestMatrix hits;

    Case(int rows, int vocab) {
      logits = matrix(rows, vocab, 2);
      targets = random.ints(rows, 0, vocab).toArray();
      losses = new TestMatrix(1, rows, 0);
      hits = new TestMatrix(1, rows, 0);
    }

    void run(LossKernels kernels, Sink grad) {
      TestMatrix weight = new TestMatrix(1, 1, 0);
      weight.set(0, 0, WEIGHT);
      kernels.crossEntropy(
          new LossKernels.CrossEntropy(
              logits.rows,
              logits.cols,
              logits.view(),
              TestMatrix.ids(targets),
              weight.view(),
              losses.view(),
              hits.view(),
              grad));
    }

    void assertLosses() {
      losses.assertClose(new double[][] {losses()}, TOLERANCE);
      double[] expected = new double[logits.rows];
      for (int r = 0; r < logits.rows; r++) {
        int best = 0;
        for (int c = 1; c < logits.cols; c++) {
          best = logits.get(r, c) > logits.get(r, best) ? c : best;
        }
        expected[r] = best == targets[r] ? 1 : 0;
      }
      hits.assertClose(new double[][] {expected}, 0);
    }

    double max(int row) {
      double max = Double.NEGATIVE_INFINITY;
      for (double logit : logits.toDoubles()[row]) {
        max = Math.max(max, logit);
      }
      return max;
    }

    double sum(int row) {
      double max = max(row);
      double sum = 0;
      for (double logit : logits.toDoubles()[row]) {
        sum += Math.exp(logit - max);
      }
      return sum;
    }

    double[] losses() {
      double[] result = new double[logits.rows];
      for (int r = 0; r < logits.rows; r++) {
        result[r] = WEIGHT * (Math.log(sum(r)) + (max(r) - logits.get(r, targets[r])));
      }
      return result;
    }

    double[][] gradient() {
      double[][] result = new double[logits.rows][logits.cols];
      for (int r = 0; r < logits.rows; r++) {
        double max = max(r);
        double sum = sum(r);
        for (int c = 0; c < logits.cols; c++) {
          double share = Math.exp(logits.get(r, c) - max) / sum;
          result[r][c] = WEIGHT * (share - (c == targets[r] ? 1 : 0));
        }
      }
      return result;
    }
  }
}
