package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.ConvKernels.Shape;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * All forms of the convolution compute what the form for unaligned floats does, which has to fulfil
 * the contract: the same bits, rounded to the type of the result.
 */
abstract class ConvForms {
  private CudaBackend backend;

  abstract CudaBackend open();

  @BeforeEach
  void openBackend() {
    backend = open();
  }

  @AfterEach
  void closeBackend() {
    if (backend != null) { // Where there is no GPU, opening it has skipped the test.
      backend.close();
    }
  }

  /** Numbers of channels that 4, 2 and 1 divide; one step, a few, several runs; 2 to 5 taps. */
  static List<Shape> shapes() {
    return List.of(
        new Shape(2, 1, 8, 4, true),
        new Shape(2, 2, 12, 4, true),
        new Shape(3, 21, 8, 4, true),
        new Shape(2, 16, 6, 4, true),
        new Shape(2, 19, 5, 4, false),
        new Shape(2, 20, 8, 3, true),
        new Shape(2, 13, 6, 2, false),
        new Shape(2, 11, 4, 5, true));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void conv_everyTypeAndAlignment_computesTheSame(Shape shape) {
    for (boolean add : new boolean[] {false, true}) {
      List<float[]> expected = new Case(shape, DType.F32, false).run(add);
      for (DType type : new DType[] {DType.F32, DType.BF16}) {
        for (boolean aligned : new boolean[] {true, false}) {
          List<float[]> actual = new Case(shape, type, aligned).run(add);
          for (int i = 0; i < expected.size(); i++) {
            DType kept = i < Case.ACTIVATIONS ? type : DType.F32;
            assertThat(actual.get(i))
                .as("%s, aligned %s, add %s, result %s", type, aligned, add, i)
                .isEqualTo(DeviceMatrix.rounded(kept, expected.get(i)));
          }
        }
      }
    }
  }

  /** A convolution of numbers that depend on its shape alone. */
  private final class Case {
    /** How many of the results, at the front, have the type of the activations. */
    static final int ACTIVATIONS = 2;

    private final Random random = new Random(20_261_128);
    private final Shape shape;
    private final DType type;
    private final boolean aligned;

    Case(Shape shape, DType type, boolean aligned) {
      this.shape = shape;
      this.type = type;
      this.aligned = aligned;
    }

    private DeviceMatrix activations() {
      int rows = shape.batch() * shape.length();
      return new DeviceMatrix(backend, type, rows, shape.channels(), aligned, random);
    }

    private DeviceMatrix floats(int rows) {
      return new DeviceMatrix(backend, DType.F32, rows, shape.channels(), aligned, random);
    }

    List<float[]> run(boolean add) {
      int stateRows = shape.batch() * (shape.width() - 1);
      DeviceMatrix x = activations();
      DeviceMatrix out = activations();
      DeviceMatrix outGrad = activations();
      DeviceMatrix xGrad = activations();
      DeviceMatrix taps = floats(shape.width());
      DeviceMatrix bias = floats(1);
      DeviceMatrix tapsGrad = floats(shape.width());
      DeviceMatrix biasGrad = floats(1);
      DeviceMatrix state = floats(stateRows);
      DeviceMatrix finalState = floats(stateRows);
      DeviceMatrix finalGrad = floats(stateRows);
      DeviceMatrix stateGrad = floats(stateRows);
      ConvKernels kernels = backend.conv();
      ConvKernels.Inputs inputs =
          new ConvKernels.Inputs(x.view(), taps.view(), bias.view(), state.view());
      kernels.forward(new ConvKernels.Forward(shape, inputs, out.view(), finalState.view()));
      long floats = kernels.backwardWorkspaceFloats(shape);
      View workspace =
          new View(backend.allocate(floats * Float.BYTES), DType.F32, 0, shape.channels());
      kernels.backward(
          new ConvKernels.Backward(
              shape,
              inputs,
              outGrad.view(),
              finalGrad.view(),
              xGrad.sink(add),
              tapsGrad.sink(add),
              biasGrad.sink(add),
              stateGrad.sink(add),
              workspace));
      List<float[]> results = new ArrayList<>();
      for (DeviceMatrix m : List.of(out, xGrad, finalState, tapsGrad, biasGrad, stateGrad)) {
        results.add(m.read());
      }
      return results;
    }
  }
}
