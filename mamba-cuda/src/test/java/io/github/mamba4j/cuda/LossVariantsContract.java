package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cross-entropy over vectors and over bf16, which the contract does not reach, in every form. */
abstract class LossVariantsContract {
  private static final float WEIGHT = 0.25f;

  /** A bf16 has 8 bits, of the largest gradient; the arithmetic is that of floats. */
  private static final double HALF_TOLERANCE = WEIGHT * 0x1p-8;

  private static final double FLOAT_TOLERANCE = WEIGHT * 1e-6;

  private final Random random = new Random(3);
  private Backend backend;

  /** Opens a backend over a {@link TestGpu}. */
  abstract Backend open();

  @BeforeEach
  void openBackend() {
    backend = open();
  }

  @AfterEach
  void close() {
    if (backend != null) { // null where there is no GPU
      backend.close();
    }
  }

  /** Device memory as a matrix of one type. */
  private final class Matrix {
    final View view;
    final MemorySegment memory;
    final int stride;
    final int offset;

    Matrix(DType type, int rows, int stride, int offset) {
      this.stride = stride;
      this.offset = offset;
      memory = Arena.ofAuto().allocate(type.bytes((long) rows * stride + offset), 64);
      view = new View(TestGpu.share(backend, memory), type, offset, stride);
    }

    Matrix fill() {
      for (long i = 0; i < view.type().elements(memory.byteSize()); i++) {
        set(i, (float) (2 * random.nextGaussian()));
      }
      return this;
    }

    private void set(long index, float value) {
      int bits = Float.floatToRawIntBits(value);
      switch (view.type()) {
        case BF16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) (bits >>> 16));
        default -> memory.setAtIndex(ValueLayout.JAVA_INT, index, bits);
      }
    }

    float get(int row, int col) {
      long index = (long) row * stride + offset + col;
      return switch (view.type()) {
        case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
        default -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      };
    }

    double[] row(int row, int cols) {
      double[] values = new double[cols];
      for (int col = 0; col < cols; col++) {
        values[col] = get(row, col);
      }
      return values;
    }
  }

  private static double[] softmax(double[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    double[] shares = new double[logits.length];
    for (int i = 0; i < logits.length; i++) {
      shares[i] = Math.exp(logits[i] - max);
      sum += shares[i];
    }
    for (int i = 0; i < logits.length; i++) {
      shares[i] /= sum;
    }
    return shares;
  }

  private Matrix targets(int... ids) {
    Matrix targets = new Matrix(DType.I32, ids.length, 1, 0);
    MemorySegment.copy(ids, 0, targets.memory, ValueLayout.JAVA_INT, 0, ids.length);
    return targets;
  }

  private Matrix weight() {
    Matrix weight = new Matrix(DType.F32, 1, 1, 0);
    weight.memory.set(ValueLayout.JAVA_FLOAT, 0, WEIGHT);
    return weight;
  }

  /** In place, into other memory and adding to what is there. */
  private void check(DType type, int vocab, int stride, int offset) {
    int rows = 3;
    int[] ids = {random.nextInt(vocab), LossKernels.IGNORE, vocab - 1};
    for (int form = 0; form < 3; form++) {
      Matrix logits = new Matrix(type, rows, stride, offset).fill();
      Matrix grad = form == 0 ? logits : new Matrix(type, rows, stride, offset).fill();
      Matrix losses = new Matrix(DType.F32, rows, 1, 0);
      Matrix hits = new Matrix(DType.F32, rows, 1, 0);
      double[][] shares = new double[rows][];
      double[][] expected = new double[rows][vocab];
      for (int row = 0; row < rows; row++) {
        shares[row] = softmax(logits.row(row, vocab));
        for (int col = 0; col < vocab; col++) {
          double value = shares[row][col] - (col == ids[row] ? 1 : 0);
          expected[row][col] =
              (ids[row] < 0 ? 0 : WEIGHT * value) + (form == 2 ? grad.get(row, col) : 0);
        }
      }
      float beyond = stride > vocab ? grad.get(0, vocab) : 0;
      backend
          .loss()
          .crossEntropy(
              new LossKernels.CrossEntropy(
                  rows,
                  vocab,
                  logits.view,
                  targets(ids).view,
                  weight().view,
                  losses.view,
                  hits.view,
                  new Sink(grad.view, form == 2)));
      double tolerance = type == DType.BF16 ? HALF_TOLERANCE : FLOAT_TOLERANCE;
      for (int row = 0; row < rows; row++) {
        double loss = ids[row] < 0 ? 0 : -WEIGHT * Math.log(shares[row][Math.max(0, ids[row])]);
        assertThat((double) losses.get(row, 0)).isCloseTo(loss, within(1e-6 * (1 + loss)));
        for (int col = 0; col < vocab; col++) {
          double near = tolerance * (1 + 4 * Math.abs(expected[row][col]));
          if (Math.abs(grad.get(row, col) - expected[row][col]) > near) {
            assertThat((double) grad.get(row, col))
                .as("form %d, [%d, %d]", form, row, col)
                .isCloseTo(expected[row][col], within(near));
          }
        }
      }
      assertThat(stride > vocab ? grad.get(0, vocab) : 0).isEqualTo(beyond);
    }
  }

  @ParameterizedTest(name = "{0}, {1} classes, {2} apart, from {3}")
  @CsvSource({
    "F32, 4, 8, 0",
    "F32, 36, 40, 4",
    "F32, 512, 512, 0",
    "F32, 516, 520, 4",
    "F32, 4096, 4096, 0",
    "BF16, 1, 3, 1",
    "BF16, 8, 16, 8",
    "BF16, 40, 41, 0",
    "BF16, 1024, 1024, 0",
    "BF16, 1032, 1032, 8",
    "BF16, 1031, 1040, 0",
    "BF16, 4096, 4096, 0",
  })
  void crossEntropy_everyForm_followsTheEquation(DType type, int vocab, int stride, int offset) {
    check(type, vocab, stride, offset);
  }

  @ParameterizedTest
  @CsvSource({"F32, 24580", "BF16, 50280"})
  void crossEntropy_longerRowThanIsKept_followsTheEquation(DType type, int vocab) {
    int[] ids = {vocab - 1};
    Matrix logits = new Matrix(type, 1, vocab, 0).fill();
    double[] shares = softmax(logits.row(0, vocab));
    Matrix losses = new Matrix(DType.F32, 1, 1, 0);
    backend
        .loss()
        .crossEntropy(
            new LossKernels.CrossEntropy(
                1,
                vocab,
                logits.view,
                targets(ids).view,
                weight().view,
                losses.view,
                null,
                new Sink(logits.view, false)));
    assertThat((double) losses.get(0, 0))
        .isCloseTo(-WEIGHT * Math.log(shares[vocab - 1]), within(1e-5));
    for (int col = 0; col < vocab - 1; col++) {
      double expected = WEIGHT * shares[col];
      assertThat(Math.abs(logits.get(0, col) - expected)).isLessThan(5e-3 * expected + 1e-12);
    }
    assertThat((double) logits.get(0, vocab - 1))
        .isCloseTo(WEIGHT * (shares[vocab - 1] - 1), within(HALF_TOLERANCE));
  }

  @Test
  void hits_equalLargestLogitsInAndBeforeTheTargetsVector_onlyTheFirstIsAHit() {
    int vocab = 2048;
    int[] places = {3, 8, 13, 15, 1500, 1503};
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      for (int first : places) {
        for (int target : places) {
          Matrix logits = new Matrix(type, 1, vocab, 0).fill();
          for (int place : places) {
            logits.set(place, place >= first ? 50 : 0);
          }
          Matrix hits = new Matrix(DType.F32, 1, 1, 0);
          backend
              .loss()
              .crossEntropy(
                  new LossKernels.CrossEntropy(
                      1,
                      vocab,
                      logits.view,
                      targets(target).view,
                      weight().view,
                      new Matrix(DType.F32, 1, 1, 0).view,
                      hits.view,
                      null));
          assertThat(hits.get(0, 0))
              .as("%d of %d", target, first)
              .isEqualTo(target == first ? 1 : 0);
        }
      }
    }
  }

  @Test
  void meanWeight_manyTargets_countsThemAll() {
    int[] ids = random.ints(20_000, -1, 3).map(id -> id < 0 ? LossKernels.IGNORE : id).toArray();
    long counted = java.util.Arrays.stream(ids).filter(id -> id >= 0).count();
    Matrix out = new Matrix(DType.F32, 1, 1, 0);
    backend.loss().meanWeight(targets(ids).view, ids.length, out.view);
    assertThat(out.get(0, 0)).isEqualTo(1f / counted);
  }
}
