package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every form of the forward scan, in both types and with rows at multiples of vectors or not. */
abstract class ScanFormsContract {
  private CudaBackend backend;

  /** Opens a backend over a {@link TestGpu}. */
  abstract CudaBackend open();

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

  /** Rows of elements in memory of their own, with what was rounded into them. */
  private final class Rows {
    final View view;
    final double[] values;
    private final int cols;
    private final MemorySegment memory;

    Rows(DType type, int rows, int cols, int gap) {
      this.cols = cols;
      values = new double[rows * cols];
      memory = Arena.ofAuto().allocate(type.bytes((long) rows * (cols + gap) + gap), 256);
      DeviceMemory block = ((TestGpu) backend.gpu()).share(memory);
      view = new View(block, type, gap, cols + gap);
    }

    Rows fill(Random random, double scale, double shift) {
      for (int i = 0; i < values.length; i++) {
        set(i, (float) (random.nextGaussian() * scale + shift));
      }
      return this;
    }

    private long place(int i) {
      return view.offset() + i / cols * view.stride() + i % cols;
    }

    private void set(int i, float value) {
      if (view.type() == DType.BF16) {
        int bits = Float.floatToIntBits(value) & 0xffff0000;
        values[i] = Float.intBitsToFloat(bits);
        memory.setAtIndex(ValueLayout.JAVA_SHORT, place(i), (short) (bits >>> 16));
      } else {
        values[i] = value;
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, place(i), value);
      }
    }

    double get(int i) {
      return view.type() == DType.BF16
          ? Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, place(i)) << 16)
          : memory.getAtIndex(ValueLayout.JAVA_FLOAT, place(i));
    }

    void assertClose(String what, double[] expected, double tolerance) {
      double largest = 0;
      for (double value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < expected.length; i++) {
        double error = Math.abs(get(i) - expected[i]);
        assertThat(error)
            .as("%s[%s]: %s, expected %s", what, i, get(i), expected[i])
            .isLessThanOrEqualTo(tolerance * largest);
      }
    }
  }

  /** Which kernels run a scan. */
  private interface Form {
    ScanKernels kernels(Launcher launcher, Shape shape);
  }

  /** A scan, by the kernels and from the equations. */
  private final class Scan {
    final Shape shape;
    final boolean gated;
    final Rows u;
    final Rows dt;
    final Rows a;
    final Rows b;
    final Rows c;
    final Rows dSkip;
    final Rows z;
    final Rows bias;
    final Rows initial;
    final Rows out;
    final Rows last;
    final Rows checkpoints;
    private final double[] expected;
    private final double[] expectedLast;
    private final double[] expectedCheckpoints;

    Scan(Shape shape, DType type, int gap, boolean gated) {
      this.shape = shape;
      this.gated = gated;
      Random random = new Random(shape.hashCode());
      int rows = shape.batch() * shape.length();
      int e = shape.dInner();
      int n = shape.dState();
      int marks = shape.batch() * Math.ceilDiv(shape.length(), CudaScan.CHECKPOINT_STEPS);
      u = new Rows(type, rows, e, gap).fill(random, 1, 0);
      dt = new Rows(type, rows, e, gap).fill(random, 0.7, shape.softplus() ? -1 : 3);
      a = new Rows(DType.F32, n, e, 0).fill(random, 0.2, -1);
      b = new Rows(type, rows, n, gap).fill(random, 1, 0);
      c = new Rows(type, rows, n, gap).fill(random, 1, 0);
      dSkip = new Rows(DType.F32, 1, e, 0).fill(random, 1, 0);
      z = new Rows(type, rows, e, gap).fill(random, 2, 0);
      bias = new Rows(DType.F32, 1, e, 0).fill(random, 0.5, 0);
      initial = new Rows(DType.F32, shape.batch() * n, e, 0).fill(random, 1, 0);
      out = new Rows(type, rows, e, gap);
      last = new Rows(DType.F32, shape.batch() * n, e, 0);
      checkpoints = new Rows(DType.F32, marks * n, e, 0);
      expected = new double[rows * e];
      expectedLast = new double[last.values.length];
      expectedCheckpoints = new double[checkpoints.values.length];
    }

    /**
     * Gives channels step sizes of about {@code e^logs[channel % logs.length]}, and states rates.
     */
    Scan withMemory(double[] logs, double[] rates) {
      int e = shape.dInner();
      for (int i = 0; i < dt.values.length; i++) {
        double log = logs[i % e % logs.length];
        dt.set(i, (float) (dt.values[i] * 0.1 + log - bias.values[i % e]));
      }
      for (int i = 0; i < a.values.length; i++) {
        a.set(i, (float) rates[i / e % rates.length]);
      }
      return this;
    }

    private void run(int sequence, int channel) {
      int e = shape.dInner();
      int n = shape.dState();
      int marks = Math.ceilDiv(shape.length(), CudaScan.CHECKPOINT_STEPS);
      double[] h = new double[n];
      for (int s = 0; s < n; s++) {
        h[s] = initial.values[(sequence * n + s) * e + channel];
      }
      for (int t = 0; t < shape.length(); t++) {
        int row = sequence * shape.length() + t;
        double raw = dt.values[row * e + channel] + bias.values[channel];
        double delta = shape.softplus() ? Math.log1p(Math.exp(raw)) : raw;
        double sum = dSkip.values[channel] * u.values[row * e + channel];
        for (int s = 0; s < n; s++) {
          if (t % CudaScan.CHECKPOINT_STEPS == 0) {
            int mark = sequence * marks + t / CudaScan.CHECKPOINT_STEPS;
            expectedCheckpoints[(mark * n + s) * e + channel] = h[s];
          }
          double rate = a.values[s * e + channel];
          boolean held = shape.discretization() == Discretization.ZOH;
          double gain = held && rate != 0 ? Math.expm1(delta * rate) / rate : delta;
          h[s] =
              Math.exp(delta * rate) * h[s]
                  + gain * b.values[row * n + s] * u.values[row * e + channel];
          sum += c.values[row * n + s] * h[s];
        }
        double gate = z.values[row * e + channel];
        expected[row * e + channel] = gated ? sum * gate / (1 + Math.exp(-gate)) : sum;
      }
      for (int s = 0; s < n; s++) {
        expectedLast[(sequence * n + s) * e + channel] = h[s];
      }
    }

    void check(Form form, boolean marked) {
      int e = shape.dInner();
      for (int channel = 0; channel < shape.batch() * e; channel++) {
        run(channel / e, channel % e);
      }
      scan(form, marked);
      boolean half = out.view.type() == DType.BF16;
      double stateTolerance = half ? 3e-5 : 4e-6;
      out.assertClose("out", expected, half ? 1e-2 : 4e-6);
      last.assertClose("last", expectedLast, stateTolerance);
      if (marked) {
        checkpoints.assertClose("checkpoints", expectedCheckpoints, stateTolerance);
      }
    }

    void scan(Form form, boolean marked) {
      ScanKernels kernels = form.kernels(backend.gpu(), shape);
      int floats = Math.max(1, Math.toIntExact(kernels.forwardWorkspaceFloats(shape)));
      @Nullable View gate = gated ? z.view : null;
      Inputs inputs =
          new Inputs(
              u.view, dt.view, a.view, b.view, c.view, dSkip.view, gate, bias.view, initial.view);
      kernels.forward(
          new Forward(
              shape,
              inputs,
              out.view,
              last.view,
              marked ? checkpoints.view : null,
              new Rows(DType.F32, 1, floats, 0).view));
    }
  }

  /** A form for each way in which lanes share states, with tiles of one and of two checkpoints. */
  @ParameterizedTest
  @CsvSource({
    "16, 4, 4, 2, 4, 16",
    "16, 4, 4, 2, 4, 32",
    "16, 2, 8, 2, 4, 16",
    "13, 4, 4, 4, 4, 16",
    "16, 8, 2, 2, 4, 16",
    "16, 8, 2, 1, 4, 16",
    "15, 16, 1, 1, 4, 16",
    "16, 1, 16, 1, 8, 16",
    "16, 1, 16, 1, 8, 32",
    "7, 1, 8, 2, 4, 32",
    "16, 2, 8, 1, 4, 32",
    "2, 2, 1, 1, 4, 16",
    "4, 1, 4, 4, 4, 16"
  })
  void forward_statesOverLanes_equalsTruth(
      int dState, int states, int lanes, int channels, int warps, int steps) {
    ScanForm form = new ScanForm(states, lanes, channels, warps, steps, 1);
    int chunk = 2 * steps;
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      Discretization held = type == DType.F32 ? Discretization.ZOH : Discretization.EULER;
      Shape aligned = new Shape(2, 2 * steps + 5, 24, dState, held, true);
      new Scan(aligned, type, 0, true)
          .check((gpu, shape) -> CudaScan.inForm(gpu, form, shape, shape.length()), true);
      Shape odd = new Shape(1, 3 * steps - 1, 19, dState, Discretization.EULER, type == DType.F32);
      new Scan(odd, type, 3, false)
          .check((gpu, shape) -> CudaScan.inForm(gpu, form, shape, chunk), false);
    }
  }

  /** Steps of chunks that are several tiles of the first pass and a part of one. */
  private static final int LONG_CHUNK = 592;

  private static final int SHORT_CHUNK = 272;

  private static Form chunks(int steps) {
    return (gpu, shape) -> CudaScan.inForm(gpu, ScanForm.of(shape.dState(), 2, 2), shape, steps);
  }

  /**
   * How far chunks look back: states that forget within a tile, within a chunk, never, and all of
   * these side by side; rates that are zero or above it.
   */
  static Stream<Arguments> memories() {
    return Stream.of(
        arguments(new double[] {1}, new double[] {-1, -2}),
        arguments(new double[] {0, -0.4, -0.7}, new double[] {-1, -0.7}),
        arguments(new double[] {-8}, new double[] {-1, -2}),
        arguments(new double[] {1, -8, 0}, new double[] {-1, -0.01, -16}),
        arguments(new double[] {1, 1, -8}, new double[] {-1, -16, -16, -1, 0, 0, -1, 1e-3}));
  }

  @ParameterizedTest
  @MethodSource("memories")
  void forward_timeInChunks_equalsTruthWhateverIsForgotten(double[] logs, double[] rates) {
    int length = 2 * LONG_CHUNK + 5;
    Shape aligned = new Shape(1, length, 24, 16, Discretization.EULER, true);
    new Scan(aligned, DType.BF16, 0, true).withMemory(logs, rates).check(chunks(LONG_CHUNK), true);
    Shape odd = new Shape(2, length, 5, 19, Discretization.EULER, true);
    new Scan(odd, DType.BF16, 1, false).withMemory(logs, rates).check(chunks(LONG_CHUNK), false);
    Shape floats = new Shape(1, 2 * SHORT_CHUNK + 1, 24, 16, Discretization.EULER, true);
    new Scan(floats, DType.F32, 0, true).withMemory(logs, rates).check(chunks(SHORT_CHUNK), false);
    Shape held = new Shape(2, 2 * SHORT_CHUNK + 1, 3, 5, Discretization.ZOH, true);
    new Scan(held, DType.F32, 1, false).withMemory(logs, rates).check(chunks(SHORT_CHUNK), true);
  }

  /** Not even a NaN is seen where a chunk has forgotten. */
  @Test
  void forward_timeInChunks_looksBackOnlyAsFarAsStatesRemember() {
    Shape shape = new Shape(1, 2 * LONG_CHUNK, 6, 16, Discretization.EULER, true);
    for (boolean forgets : new boolean[] {true, false}) {
      double[] logs = {forgets ? 1 : -8};
      Scan scan = new Scan(shape, DType.F32, 0, true).withMemory(logs, new double[] {-1});
      scan.u.set(0, Float.NaN);
      scan.scan(chunks(LONG_CHUNK), false);
      for (int row = 0; row < shape.length(); row++) {
        boolean broken = row < LONG_CHUNK || !forgets;
        assertThat(Double.isNaN(scan.out.get(row * 6))).as("step %s", row).isEqualTo(broken);
        assertThat(scan.out.get(row * 6 + 1)).isFinite();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"16, 1, 16", "16, 2, 8", "8, 1, 13", "8, 2, 32"})
  void forward_timeOverLanes_equalsTruth(int span, int channels, int dState) {
    ScanLongForm form = new ScanLongForm(span, channels);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      Discretization held = type == DType.F32 ? Discretization.ZOH : Discretization.EULER;
      Shape aligned = new Shape(1, 64 * span + 5, 24, dState, held, type == DType.BF16);
      boolean fits = form.fits(dState, type.blockBytes(), 227 << 10);
      if (fits) {
        new Scan(aligned, type, 0, true)
            .check((gpu, shape) -> CudaScan.inForm(gpu, form, shape), true);
        Shape odd = new Shape(2, 32 * span - 1, 3, dState, Discretization.EULER, true);
        new Scan(odd, type, 3, false)
            .check((gpu, shape) -> CudaScan.inForm(gpu, form, shape), false);
      }
    }
  }

  /** What the library chooses for shapes like those that are measured, of fewer states. */
  @Test
  void forward_chosenForms_equalTruth() {
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      Shape decode = new Shape(3, 1, 70, 16, Discretization.EULER, true);
      new Scan(decode, type, 0, true).check((gpu, shape) -> new CudaScan(gpu), false);
      Shape cut = new Shape(1, 200, 40, 16, Discretization.EULER, true);
      new Scan(cut, type, 0, true).check((gpu, shape) -> new CudaScan(gpu), true);
      Shape many = new Shape(1, 20, 16, 200, Discretization.EULER, true);
      new Scan(many, type, 1, true).check((gpu, shape) -> new CudaScan(gpu), true);
    }
  }
}
