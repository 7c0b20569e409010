package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.contract.ScanCase.Matrix;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What every implementation of the first-order scan has to do. */
public abstract class PrefixScanContract extends KernelsContract<ScanKernels> {
  @Override
  final ScanKernels kernels(Backend backend) {
    return backend.scan();
  }

  private static final double TOLERANCE = 2e-6;

  record Case(PrefixAlgorithm algorithm, int batch, int length, int width, boolean reverse) {}

  static Stream<Case> cases() {
    int[] lengths = {1, 2, 3, 31, 63, 64, 65, 127, 128, 129, 521};
    int[] widths = {1, 15, 16, 17, 35, 131};
    return Stream.of(PrefixAlgorithm.values())
        .flatMap(algorithm ->
            Stream.of(false, true)
                .flatMap(reverse ->
                    java.util.stream.IntStream.range(0, lengths.length * widths.length)
                        .mapToObj(i ->
                            new Case(
                                algorithm,
                                1 + i % 3,
                                lengths[i % lengths.length],
                                widths[i % widths.length],
                                reverse))));
  }

  /** Inputs with gaps between rows, and the states in double precision. */
  private static final class Data {
    final Case shape;
    final Matrix a;
    final Matrix b;
    final Matrix initial;
    final double[] expected;

    Data(Case shape, boolean withInitial) {
      this.shape = shape;
      Random random = new Random(shape.hashCode());
      int rows = shape.batch * shape.length;
      double[] factors = new double[rows * shape.width];
      double[] terms = new double[rows * shape.width];
      double[] first = new double[shape.batch * shape.width];
      for (int i = 0; i < factors.length; i++) {
        factors[i] = (float) (0.3 + 0.7 * random.nextDouble());
        terms[i] = (float) random.nextGaussian();
      }
      for (int i = 0; withInitial && i < first.length; i++) {
        first[i] = (float) random.nextGaussian();
      }
      a = Matrix.of(rows, shape.width, shape.width + 3).fill(factors);
      b = Matrix.of(rows, shape.width, shape.width + 1).fill(terms);
      initial = Matrix.of(shape.batch, shape.width, shape.width).fill(first);
      expected = new double[factors.length];
      for (int sequence = 0; sequence < shape.batch; sequence++) {
        for (int i = 0; i < shape.width; i++) {
          double h = first[sequence * shape.width + i];
          for (int t = 0; t < shape.length; t++) {
            int within = shape.reverse ? shape.length - 1 - t : t;
            int at = (sequence * shape.length + within) * shape.width + i;
            h = factors[at] * h + terms[at];
            expected[at] = h;
          }
        }
      }
    }

    void run(ScanKernels kernels, Matrix out, boolean withInitial) {
      long floats =
          kernels.prefixWorkspaceFloats(shape.batch, shape.length, shape.width, shape.algorithm);
      kernels.prefix(
          new Prefix(
              shape.batch,
              shape.length,
              shape.width,
              shape.reverse,
              a.view(),
              b.view(),
              withInitial ? initial.view() : null,
              out.view(),
              shape.algorithm,
              ScanCase.workspace(floats)));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void prefix_everyShape_equalsTruthOnAnyNumberOfThreads(Case shape) {
    float[] first = {};
    for (int threads = 1; threads <= 3; threads++) {
      try (Backend backend = open(threads)) {
        Data data = new Data(shape, true);
        Matrix out = Matrix.of(shape.batch * shape.length, shape.width, shape.width + 2);
        data.run(kernels(backend), out.poison(Float.NaN), true);
        ScanCase.assertClose("out", out.values(), data.expected, TOLERANCE, 0);
        first = threads == 1 ? out.values() : first;
        assertThat(out.values()).isEqualTo(first);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(PrefixAlgorithm.class)
  void prefix_inPlaceOfTermsWithoutInitial_equalsTruth(PrefixAlgorithm algorithm) {
    try (Backend backend = open(2)) {
      Data data = new Data(new Case(algorithm, 2, 200, 37, false), false);
      data.run(kernels(backend), data.b, false);
      ScanCase.assertClose("out", data.b.values(), data.expected, TOLERANCE, 0);
    }
  }

  @Test
  void prefix_factorsZeroAndOne_resetAndAccumulateExactly() {
    try (Backend backend = open(1)) {
      for (PrefixAlgorithm algorithm : PrefixAlgorithm.values()) {
        Data data = new Data(new Case(algorithm, 1, 150, 3, false), false);
        data.a.poison(1);
        data.b.poison(1);
        int reset = 100;
        for (int i = 0; i < 3; i++) {
          long at = data.a.view().offset() + reset * data.a.view().stride() + i;
          TestMemory.set(TestMemory.host(data.a.view()), at, 0);
        }
        Matrix out = Matrix.of(150, 3, 3);
        data.run(kernels(backend), out, false);
        for (int t = 0; t < 150; t++) {
          int expected = t < reset ? t + 1 : t - reset + 1;
          assertThat(out.values()[3 * t + 1]).as("%s, step %s", algorithm, t).isEqualTo(expected);
        }
      }
    }
  }
}
