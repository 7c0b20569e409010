package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.StepKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Random residual blocks and sequences, a step of them on a backend, and the same in doubles. */
final class StepCase {
  private static final float EPS = 1e-5f;

  /** A matrix of numbers that its type holds exactly, and where it lies on the backend. */
  private final class Matrix {
    private final double[][] values;
    private final View view;

    Matrix(DType type, int rows, int cols, double scale, double shift) {
      values = new double[rows][cols];
      for (double[] row : values) {
        for (int i = 0; i < cols; i++) {
          float value = (float) (random.nextGaussian() * scale + shift);
          int bits = Float.floatToRawIntBits(value) & (type == DType.BF16 ? 0xffff0000 : -1);
          row[i] = Float.intBitsToFloat(bits);
        }
      }
      view = new View(backend.allocate(type.bytes((long) rows * cols)), type, 0, cols);
      write(this);
    }

    double[] read(int row) {
      int cols = values[row].length;
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment host = arena.allocate(ValueLayout.JAVA_FLOAT, cols);
        backend.read(view.storage(), (long) row * cols * Float.BYTES, host);
        double[] result = new double[cols];
        for (int i = 0; i < cols; i++) {
          result[i] = host.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
        return result;
      }
    }
  }

  /** A residual block. */
  private final class Block {
    private final Matrix norm = new Matrix(DType.F32, 1, dModel, 0.2, 1);
    private final Matrix inProj =
        new Matrix(DType.BF16, 2 * dInner, dModel, 1 / Math.sqrt(dModel), 0);
    private final @Nullable Matrix inBias = bias(2 * dInner);
    private final Matrix taps = new Matrix(DType.F32, dConv, dInner, 0.5, 0);
    private final @Nullable Matrix convBias = bias(dInner);
    private final Matrix xProj =
        new Matrix(small, dtRank + 2 * dState, dInner, 1 / Math.sqrt(dInner), 0);
    private final Matrix dtProj = new Matrix(small, dInner, dtRank, 1 / Math.sqrt(dtRank), 0);
    private final Matrix dtBias = new Matrix(DType.F32, 1, dInner, 1, -2);
    private final Matrix a = new Matrix(DType.F32, dState, dInner, 0.3, -1.5);
    private final Matrix dSkip = new Matrix(DType.F32, 1, dInner, 0.2, 1);
    private final Matrix outProj = new Matrix(DType.BF16, dModel, dInner, 1 / Math.sqrt(dInner), 0);
    private final @Nullable Matrix outBias = bias(dModel);
    private final @Nullable Matrix convState =
        dConv > 1 ? new Matrix(DType.F32, rows * (dConv - 1), dInner, 1, 0) : null;
    private final Matrix ssmState = new Matrix(DType.F32, rows * dState, dInner, 1, 0);

    private @Nullable Matrix bias(int size) {
      return biases ? new Matrix(DType.F32, 1, size, 0.5, 0) : null;
    }

    StepKernels.Layer layer(int first) {
      return new StepKernels.Layer(
          norm.view,
          inProj.view,
          viewOf(inBias),
          taps.view,
          viewOf(convBias),
          xProj.view,
          dtProj.view,
          dtBias.view,
          a.view,
          dSkip.view,
          outProj.view,
          viewOf(outBias),
          convState == null ? null : convState.view.plus((long) first * (dConv - 1) * dInner),
          ssmState.view.plus((long) first * dState * dInner));
    }
  }

  private final Backend backend;
  private final Random random;
  private final int rows;
  private final int dModel;
  private final int dInner;
  private final int dState;
  private final int dConv;
  private final int dtRank;
  private final DType small;
  private final boolean biases;
  private final List<Block> blocks = new ArrayList<>();
  private final Matrix hidden;
  private final Matrix out;

  StepCase(Backend backend, StepKernels.Shape shape, int layers, DType small, boolean biases) {
    this.backend = backend;
    this.random = new Random(11);
    this.rows = shape.rows();
    this.dModel = shape.dModel();
    this.dInner = shape.dInner();
    this.dState = shape.dState();
    this.dConv = shape.dConv();
    this.dtRank = shape.dtRank();
    this.small = small;
    this.biases = biases;
    for (int i = 0; i < layers; i++) {
      blocks.add(new Block());
    }
    hidden = new Matrix(DType.F32, rows, dModel, 1, 0);
    out = new Matrix(DType.F32, rows, dModel, Double.NaN, 0);
  }

  static StepKernels.Shape shape(
      int rows, int dModel, int dInner, int dState, int dConv, int dtRank) {
    return new StepKernels.Shape(
        rows, dModel, dInner, dState, dConv, dtRank, EPS, Discretization.EULER);
  }

  private static @Nullable View viewOf(@Nullable Matrix matrix) {
    return matrix == null ? null : matrix.view;
  }

  private void write(Matrix matrix) {
    DType type = matrix.view.type();
    int cols = matrix.values[0].length;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(type.bytes((long) matrix.values.length * cols), 8);
      for (int i = 0; i < matrix.values.length * cols; i++) {
        int bits = Float.floatToRawIntBits((float) matrix.values[i / cols][i % cols]);
        if (type == DType.BF16) {
          host.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        } else {
          host.setAtIndex(ValueLayout.JAVA_INT, i, bits);
        }
      }
      backend.write(host, matrix.view.storage(), 0);
    }
  }

  /** Puts the sequences' states back to where they began. */
  void rewind() {
    for (Block block : blocks) {
      write(block.ssmState);
      if (block.convState != null) {
        write(block.convState);
      }
    }
  }

  int rows() {
    return rows;
  }

  boolean isTaken(StepKernels kernels) {
    return kernels.takes(shape(rows), layers(0));
  }

  /** Runs some of the sequences. */
  void run(StepKernels kernels, int first, int count) {
    StepKernels.Shape shape = shape(count);
    long floats = kernels.workspaceFloats(shape, blocks.size());
    View workspace = new View(backend.allocate(floats * Float.BYTES), DType.F32, 0, floats);
    kernels.step(
        new StepKernels.Step(
            shape,
            layers(first),
            hidden.view.plus((long) first * dModel),
            out.view.plus((long) first * dModel),
            workspace));
  }

  List<StepKernels.Layer> layers(int first) {
    return blocks.stream().map(block -> block.layer(first)).toList();
  }

  private StepKernels.Shape shape(int count) {
    return shape(count, dModel, dInner, dState, dConv, dtRank);
  }

  /** Returns the residual stream of each sequence, then its states. */
  double[][] results() {
    List<double[]> results = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      results.add(out.read(row));
    }
    for (Block block : blocks) {
      for (int i = 0; i < rows * dState; i++) {
        results.add(block.ssmState.read(i));
      }
      for (int i = 0; i < rows * (dConv - 1); i++) {
        results.add(block.convState.read(i));
      }
    }
    return results.toArray(double[][]::new);
  }

  /** Returns what {@link #results} should be after a step of all sequences. */
  double[][] truth() {
    double[][] streams = new double[rows][];
    List<double[]> states = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      streams[row] = hidden.values[row].clone();
    }
    for (Block block : blocks) {
      double[][] ssm = copy(block.ssmState.values);
      double[][] conv = block.convState == null ? new double[0][] : copy(block.convState.values);
      for (int row = 0; row < rows; row++) {
        pass(block, streams[row], row, ssm, conv);
      }
      states.addAll(List.of(ssm));
      states.addAll(List.of(conv));
    }
    List<double[]> all = new ArrayList<>(List.of(streams));
    all.addAll(states);
    return all.toArray(double[][]::new);
  }

  private static double[][] copy(double[][] values) {
    return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
  }

  /** Adds what a block makes of a sequence's token to its residual stream. */
  private void pass(Block block, double[] stream, int row, double[][] ssm, double[][] conv) {
    double square = 0;
    for (double x : stream) {
      square += x * x;
    }
    double[] normed = new double[dModel];
    for (int i = 0; i < dModel; i++) {
      normed[i] = stream[i] / Math.sqrt(square / dModel + EPS) * block.norm.values[0][i];
    }
    double[] xz = times(block.inProj, block.inBias, normed);
    double[] u = new double[dInner];
    for (int e = 0; e < dInner; e++) {
      double sum = block.convBias == null ? 0 : block.convBias.values[0][e];
      for (int j = 0; j < dConv; j++) {
        double before = j == dConv - 1 ? xz[e] : conv[row * (dConv - 1) + j][e];
        sum += block.taps.values[j][e] * before;
      }
      for (int j = 0; j + 1 < dConv; j++) {
        int at = row * (dConv - 1) + j;
        conv[at][e] = j + 2 < dConv ? conv[at + 1][e] : xz[e];
      }
      u[e] = silu(sum);
    }
    double[] projected = times(block.xProj, null, u);
    double[] dt = times(block.dtProj, block.dtBias, projected);
    double[] y = new double[dInner];
    for (int e = 0; e < dInner; e++) {
      double delta = Math.log1p(Math.exp(dt[e]));
      double sum = block.dSkip.values[0][e] * u[e];
      for (int n = 0; n < dState; n++) {
        double[] h = ssm[row * dState + n];
        double b = projected[dtRank + n];
        h[e] = Math.exp(delta * block.a.values[n][e]) * h[e] + delta * b * u[e];
        sum += projected[dtRank + dState + n] * h[e];
      }
      y[e] = sum * silu(xz[dInner + e]);
    }
    double[] added = times(block.outProj, block.outBias, y);
    for (int i = 0; i < dModel; i++) {
      stream[i] += added[i];
    }
  }

  private static double[] times(Matrix matrix, @Nullable Matrix bias, double[] x) {
    double[] y = new double[matrix.values.length];
    for (int r = 0; r < y.length; r++) {
      y[r] = bias == null ? 0 : bias.values[0][r];
      for (int c = 0; c < matrix.values[r].length; c++) {
        y[r] += matrix.values[r][c] * x[c];
      }
    }
    return y;
  }

  private static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }
}
