package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ConvKernels;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every causal convolution must do. */
public abstract class ConvKernelsContract extends KernelsContract<ConvKernels> {
  @Override
  final ConvKernels kernels(Backend backend) {
    return backend.conv();
  }

  /** Sums over the taps and a SiLU, or over batch and time, relative to the largest value. */
  private static final double TOLERANCE = 2e-6;

  /** Shorter than the taps, around a block of steps, and several blocks; one tap to many. */
  static List<ConvKernels.Shape> shapes() {
    return List.of(
        new ConvKernels.Shape(1, 1, 5, 4, true),
        new ConvKernels.Shape(2, 2, 17, 4, true),
        new ConvKernels.Shape(3, 3, 16, 4, false),
        new ConvKernels.Shape(2, 64, 35, 4, true),
        new ConvKernels.Shape(2, 65, 33, 4, true),
        new ConvKernels.Shape(1, 66, 600, 4, true),
        new ConvKernels.Shape(2, 131, 31, 3, true),
        new ConvKernels.Shape(2, 70, 19, 1, true),
        new ConvKernels.Shape(2, 70, 19, 2, false),
        new ConvKernels.Shape(1, 5, 9, 9, true),
        new ConvKernels.Shape(1, 130, 19, 70, true));
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void forward_anyChannels_followsTheEquation(int channels) {
    Case test = new Case(new ConvKernels.Shape(2, 7, channels, 4, true), true, true);
    test.assertForward(kernels(2));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void forward_everyShape_followsTheEquation(ConvKernels.Shape shape) {
    new Case(shape, true, true).assertForward(kernels(2));
    new Case(shape, false, false).assertForward(kernels(1));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void forward_finalStateInTheMemoryOfTheInitialState_isTheSame(ConvKernels.Shape shape) {
    Case test = new Case(shape, true, true);
    double[][] expected = test.truth().finalState();
    TestMatrix out = new TestMatrix(test.x.rows, shape.channels(), 0);
    kernels(2)
        .forward(new ConvKernels.Forward(shape, test.inputs(), out.view(), test.state.view()));
    test.state.assertClose(expected, 0);
    out.assertClose(test.truthBefore.out(), TOLERANCE);
  }

  @Test
  void forward_goldenVectorT1_isMet() {
    TestMatrix x = new TestMatrix(5, 2, 0);
    TestMatrix taps = new TestMatrix(4, 2, 0);
    TestMatrix bias = new TestMatrix(1, 2, 0);
    for (int c = 0; c < 2; c++) {
      for (int t = 0; t < 5; t++) {
        x.set(t, c, (float) Math.sin(1.3 + 0.37 * (5 * c + t)));
      }
      for (int j = 0; j < 4; j++) {
        taps.set(j, c, (float) Math.sin(2.6 + 0.37 * (4 * c + j)));
      }
    }
    bias.set(0, 0, 0.1f);
    bias.set(0, 1, -0.2f);
    TestMatrix out = new TestMatrix(5, 2, 0);
    ConvKernels.Inputs inputs = new ConvKernels.Inputs(x.view(), taps.view(), bias.view(), null);
    ConvKernels.Shape silu = new ConvKernels.Shape(1, 5, 2, 4, true);
    kernels(1).forward(new ConvKernels.Forward(silu, inputs, out.view(), null));
    out.assertClose(
        new double[][] {
          {-0.166144184, -0.087028009},
          {-0.218020786, 0.0728767},
          {-0.164072263, 0.534615434},
          {0.12891242, 1.372360822},
          {0.269888265, 2.348240561}
        },
        1e-6);
    ConvKernels.Shape plain = new ConvKernels.Shape(1, 5, 2, 4, false);
    kernels(1).forward(new ConvKernels.Forward(plain, inputs, out.view(), null));
    assertThat((double) out.get(4, 0)).isCloseTo(0.443158074, within(1e-6));
    assertThat((double) out.get(4, 1)).isCloseTo(2.534465632, within(1e-6));
  }

  /** 35 channels, and 1,100, which are several blocks. */
  @ParameterizedTest
  @ValueSource(ints = {35, 1_100})
  void forward_stepByStep_equalsTheWhole(int channels) {
    ConvKernels.Shape whole = new ConvKernels.Shape(2, 9, channels, 4, true);
    Case test = new Case(whole, true, true);
    ConvKernels.Shape step = new ConvKernels.Shape(2, 1, channels, 4, true);
    double[][] expected = test.truth().out();
    for (int t = 0; t < 9; t++) {
      TestMatrix x = new TestMatrix(2, channels, 0);
      for (int c = 0; c < channels; c++) {
        x.set(0, c, test.x.get(t, c));
        x.set(1, c, test.x.get(9 + t, c));
      }
      TestMatrix out = new TestMatrix(2, channels, 1);
      ConvKernels.Inputs inputs =
          new ConvKernels.Inputs(x.view(), test.taps.view(), test.bias.view(), test.state.view());
      kernels(1).forward(new ConvKernels.Forward(step, inputs, out.view(), test.state.view()));
      out.assertClose(new double[][] {expected[t], expected[9 + t]}, TOLERANCE);
    }
  }

  @ParameterizedTest
  @FieldSource(TestMatrix.ALL_WIDTHS)
  void backward_anyChannels_followsTheEquation(int channels) {
    Case test = new Case(new ConvKernels.Shape(2, 7, channels, 4, true), true, true);
    test.assertBackward(kernels(2), false);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backward_everyShape_followsTheEquation(ConvKernels.Shape shape) {
    new Case(shape, true, true).assertBackward(kernels(2), false);
    new Case(shape, true, true).assertBackward(kernels(1), true);
    new Case(shape, false, false).assertBackward(kernels(1), false);
  }

  @Test
  void backward_singleSinks_areFilled() {
    Case test = new Case(new ConvKernels.Shape(2, 67, 35, 4, true), true, true);
    Gradients expected = test.truth().gradients();
    for (int wanted = 0; wanted < 4; wanted++) {
      TestMatrix[] sinks = new TestMatrix[4];
      sinks[wanted] = test.sinks(false)[wanted];
      kernels(2).backward(test.backward(sinks, false));
      sinks[wanted].assertClose(expected.all()[wanted], TOLERANCE);
    }
  }

  @Test
  void everything_threads_sameBits() {
    ConvKernels.Shape shape = new ConvKernels.Shape(3, 300, 515, 4, true);
    Case test = new Case(shape, true, true);
    assertSameBitsForAnyThreads(kernels -> {
      TestMatrix out = new TestMatrix(test.x.rows, 515, 0);
      kernels.forward(new ConvKernels.Forward(shape, test.inputs(), out.view(), null));
      TestMatrix[] sinks = test.sinks(false);
      kernels.backward(test.backward(sinks, false));
      return List.of(out, sinks[0], sinks[1], sinks[2], sinks[3]);
    });
  }

  /** The gradients that the tests above compare with, checked against differences. */
  @Test
  void reference_centralDifferences_agree() {
    Case test = new Case(new ConvKernels.Shape(2, 3, 2, 4, true), true, true);
    Gradients gradients = test.truth().gradients();
    TestMatrix[] inputs = {test.x, test.taps, test.bias, test.state};
    for (int i = 0; i < inputs.length; i++) {
      for (int r = 0; r < inputs[i].rows; r++) {
        for (int c = 0; c < inputs[i].cols; c++) {
          float value = inputs[i].get(r, c);
          inputs[i].set(r, c, value + 0x1p-10f);
          float up = inputs[i].get(r, c);
          double above = test.truth().objective();
          inputs[i].set(r, c, value - 0x1p-10f);
          float down = inputs[i].get(r, c);
          double below = test.truth().objective();
          inputs[i].set(r, c, value);
          double slope = (above - below) / ((double) up - down);
          assertThat(gradients.all()[i][r][c]).isCloseTo(slope, within(1e-5));
        }
      }
    }
  }

  /** Gradients of a convolution in double precision. */
  private static final class Gradients {
    final double[][] x;
    final double[][] taps;
    final double[][] bias;
    final double[][] state;

    Gradients(double[][] x, double[][] taps, double[][] bias, double[][] state) {
      this.x = x;
      this.taps = taps;
      this.bias = bias;
      this.state = state;
    }

    double[][][] all() {
      return new double[][][] {x, taps, bias, state};
    }
  }

  /** A convolution in double precision, straight from the equation. */
  private static final class Truth {
    private final Case test;
    private final ConvKernels.Shape shape;
    private final double[][] sums;

    Truth(Case test) {
      this.test = test;
      shape = test.shape;
      sums = new double[shape.batch() * shape.length()][shape.channels()];
      for (int row = 0; row < sums.length; row++) {
        int batch = row / shape.length();
        int t = row % shape.length();
        for (int c = 0; c < shape.channels(); c++) {
          double sum = test.bias == null ? 0 : test.bias.get(0, c);
          for (int j = 0; j < shape.width(); j++) {
            sum += test.taps.get(j, c) * input(batch, t - (shape.width() - 1) + j, c);
          }
          sums[row][c] = sum;
        }
      }
    }

    private double input(int batch, int t, int c) {
      int history = shape.width() - 1;
      if (t >= 0) {
        return test.x.get(batch * shape.length() + t, c);
      }
      return test.state == null ? 0 : test.state.get(batch * history + history + t, c);
    }

    double[][] out() {
      double[][] out = new double[sums.length][shape.channels()];
      for (int row = 0; row < sums.length; row++) {
        for (int c = 0; c < shape.channels(); c++) {
          double p = sums[row][c];
          out[row][c] = shape.silu() ? p / (1 + Math.exp(-p)) : p;
        }
      }
      return out;
    }

    double[][] finalState() {
      int history = shape.width() - 1;
      double[][] state = new double[shape.batch() * history][shape.channels()];
      for (int row = 0; row < state.length; row++) {
        int t = shape.length() - history + row % history;
        for (int c = 0; c < shape.channels(); c++) {
          state[row][c] = input(row / history, t, c);
        }
      }
      return state;
    }

    /** The sum whose gradients are asked for: results and final state times their gradients. */
    double objective() {
      double sum = 0;
      double[][] out = out();
      double[][] state = finalState();
      for (int c = 0; c < shape.channels(); c++) {
        for (int row = 0; row < out.length; row++) {
          sum += out[row][c] * test.outGrad.get(row, c);
        }
        for (int row = 0; row < state.length; row++) {
          sum += state[row][c] * test.stateGrad.get(row, c);
        }
      }
      return sum;
    }

    Gradients gradients() {
      int history = shape.width() - 1;
      int channels = shape.channels();
      Gradients result =
          new Gradients(
              new double[sums.length][channels],
              new double[shape.width()][channels],
              new double[1][channels],
              new double[shape.batch() * history][channels]);
      for (int row = 0; row < sums.length; row++) {
        int batch = row / shape.length();
        for (int c = 0; c < channels; c++) {
          double sigma = 1 / (1 + Math.exp(-sums[row][c]));
          double slope = shape.silu() ? sigma * (1 + sums[row][c] * (1 - sigma)) : 1;
          double grad = test.outGrad.get(row, c) * slope;
          result.bias[0][c] += grad;
          for (int j = 0; j < shape.width(); j++) {
            int t = row % shape.length() - history + j;
            result.taps[j][c] += grad * input(batch, t, c);
            place(result, batch, t)[c] += grad * test.taps.get(j, c);
          }
        }
      }
      for (int row = 0; row < shape.batch() * history; row++) {
        double[] target = place(result, row / history, shape.length() - history + row % history);
        for (int c = 0; c < channels; c++) {
          target[c] += test.stateGrad.get(row, c);
        }
      }
      return result;
    }

    private double[] place(Gradients gradients, int batch, int t) {
      int history = shape.width() - 1;
      return t >= 0
          ? gradients.x[batch * shape.length() + t]
          : gradients.state[batch * history + history + t];
    }
  }

  /** Random inputs and gradients of a convolution. */
  private final class Case {
    final ConvKernels.Shape shape;
    final TestMatrix x;
    final TestMatrix taps;
    final TestMatrix bias;
    final TestMatrix state;
    final TestMatrix outGrad;
    final TestMatrix stateGrad;
    final Truth truthBefore;

    Case(ConvKernels.Shape shape, boolean withBias, boolean withState) {
      this.shape = shape;
      int channels = shape.channels();
      int stateRows = shape.batch() * (shape.width() - 1);
      x = matrix(shape.batch() * shape.length(), channels, 3);
      taps = matrix(shape.width(), channels, 1);
      bias = withBias ? matrix(1, channels, 0) : null;
      state = withState ? matrix(stateRows, channels, 2) : null;
      outGrad = matrix(x.rows, channels, 1);
      stateGrad = matrix(stateRows, channels, 0);
      truthBefore = new Truth(this);
    }

    Truth truth() {
      return new Truth(this);
    }

    ConvKernels.Inputs inputs() {
      return new ConvKernels.Inputs(
          x.view(),
          taps.view(),
          bias == null ? null : bias.view(),
          state == null ? null : state.view());
    }

    void assertForward(ConvKernels kernels) {
      TestMatrix out = new TestMatrix(x.rows, x.cols, 2);
      TestMatrix finalState = new TestMatrix(shape.batch() * (shape.width() - 1), x.cols, 1);
      kernels.forward(new ConvKernels.Forward(shape, inputs(), out.view(), finalState.view()));
      out.assertClose(truth().out(), TOLERANCE);
      finalState.assertClose(truth().finalState(), 0);
    }

    /** Returns where the gradients of x, weight, bias and initial state go. */
    TestMatrix[] sinks(boolean filled) {
      int[][] sizes = {
        {x.rows, x.cols, 1},
        {taps.rows, taps.cols, 2},
        {1, x.cols, 0},
        {stateGrad.rows, x.cols, 3}
      };
      TestMatrix[] sinks = new TestMatrix[sizes.length];
      for (int i = 0; i < sizes.length; i++) {
        sinks[i] =
            filled
                ? matrix(sizes[i][0], sizes[i][1], sizes[i][2])
                : new TestMatrix(sizes[i][0], sizes[i][1], sizes[i][2]);
      }
      return sinks;
    }

    ConvKernels.Backward backward(TestMatrix[] sinks, boolean add) {
      return new ConvKernels.Backward(
          shape,
          inputs(),
          outGrad.view(),
          stateGrad.view(),
          sinks[0] == null ? null : sinks[0].sink(add),
          sinks[1] == null ? null : sinks[1].sink(add),
          sinks[2] == null ? null : sinks[2].sink(add),
          sinks[3] == null ? null : sinks[3].sink(add),
          TestMatrix.workspace(kernels(1).backwardWorkspaceFloats(shape)).view());
    }

    void assertBackward(ConvKernels kernels, boolean add) {
      TestMatrix[] sinks = sinks(add);
      double[][][] expected = truth().gradients().all();
      for (int i = 0; i < sinks.length && add; i++) {
        for (int r = 0; r < sinks[i].rows; r++) {
          for (int c = 0; c < sinks[i].cols; c++) {
            expected[i][r][c] += sinks[i].get(r, c);
          }
        }
      }
      kernels.backward(backward(sinks, add));
      for (int i = 0; i < sinks.length; i++) {
        sinks[i].assertClose(expected[i], TOLERANCE);
      }
    }
  }
}
