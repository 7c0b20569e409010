package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * How long the scan's passes take on this machine's GPU, as medians of 20 samples of 5 launches
 * each, and the backward pass kernel by kernel (each with the host's wait for it); at bf16 also
 * with the gradients of a layer's two large weights, after it and beside it.
 *
 * <pre>{@code
 * java -cp … io.github.mamba4j.cuda.ScanBackwardTiming
 *   -Dshape=8,2048,2048,16   only this batch, channels, length, states
 *   -Dtype=bf16              only this type; else bf16 and f32
 *   -Dwarps=4 -Dchunks=1     a form of one's own
 * }</pre>
 */
final class ScanBackwardTiming {
  private static final int[][] SHAPES = {
    {8, 2048, 2048, 16}, {1, 1536, 2048, 16}, {1, 2048, 65_536, 16}, {64, 512, 512, 16}
  };

  private static final int SAMPLES = 20;
  private static final int LAUNCHES = 5;
  private static final int CHUNK = 1 << 24;

  private final Gpu gpu;
  private final DType type;
  private final Shape shape;
  private final List<DeviceMemory> blocks = new ArrayList<>();
  private final SplittableRandom random = new SplittableRandom(3);

  private ScanBackwardTiming(Gpu gpu, DType type, Shape shape) {
    this.gpu = gpu;
    this.type = type;
    this.shape = shape;
  }

  /** Measures and prints. */
  public static void main(String[] arguments) {
    String only = System.getProperty("shape");
    int[][] shapes =
        only == null
            ? SHAPES
            : new int[][] {
              Arrays.stream(only.split(",", -1)).mapToInt(Integer::parseInt).toArray()
            };
    String types = System.getProperty("type", "bf16,f32").toUpperCase(java.util.Locale.ROOT);
    try (Gpu gpu = new CudaDevice(0)) {
      IO.println(gpu.name());
      for (int[] s : shapes) {
        for (String type : types.split(",", -1)) {
          Shape shape = new Shape(s[0], s[2], s[1], s[3], Discretization.EULER, true);
          new ScanBackwardTiming(gpu, DType.valueOf(type), shape).measure();
        }
      }
    }
  }

  private ScanBackwardForm form() {
    int warps = Integer.getInteger("warps", 0);
    ScanBackwardForm form =
        warps == 0 ? ScanBackwardForm.of(shape) : ScanBackwardForm.of(shape, warps);
    int chunks = Integer.getInteger("chunks", 0);
    if (chunks == 0) {
      return form;
    }
    int tiles = Math.ceilDiv(shape.length(), ScanBackwardForm.TILE);
    int chunkTiles = Math.ceilDiv(tiles, chunks);
    return new ScanBackwardForm(
        form.states(),
        form.many(),
        form.warps(),
        form.blocks(),
        chunks == 1 ? form.groups() : shape.batch(),
        Math.ceilDiv(tiles, chunkTiles),
        chunkTiles);
  }

  private View rows(DType elements, int rows, int cols, double scale, double shift) {
    long bytes = elements.bytes((long) rows * cols);
    DeviceMemory memory = gpu.allocate(bytes);
    blocks.add(memory);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(Math.min(bytes, CHUNK), 16);
      for (long i = 0; i < host.byteSize() / elements.blockBytes(); i++) {
        float value = (float) (scale * (random.nextDouble() * 2 - 1) + shift);
        if (elements == DType.BF16) {
          short half = (short) (Float.floatToRawIntBits(value) >>> 16);
          host.setAtIndex(ValueLayout.JAVA_SHORT, i, half);
        } else {
          host.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      for (long at = 0; at < bytes; at += CHUNK) {
        gpu.write(host.asSlice(0, Math.min(CHUNK, bytes - at)), memory, at);
      }
    }
    return new View(memory, elements, 0, cols);
  }

  private View floats(long count) {
    DeviceMemory memory = gpu.allocate(Math.max(1, count) * Float.BYTES);
    blocks.add(memory);
    return new View(memory, DType.F32, 0, count);
  }

  private Sink sink(DType elements, int rows, int cols) {
    DeviceMemory memory = gpu.allocate(elements.bytes((long) rows * cols));
    blocks.add(memory);
    return new Sink(new View(memory, elements, 0, cols), false);
  }

  private void measure() {
    int rows = shape.batch() * shape.length();
    int channels = shape.dInner();
    int states = shape.dState();
    Inputs inputs =
        new Inputs(
            rows(type, rows, channels, 1, 0),
            rows(type, rows, channels, 0.5, 0),
            rows(DType.F32, states, channels, 7.5, -8.5),
            rows(type, rows, states, 1, 0),
            rows(type, rows, states, 1, 0),
            rows(DType.F32, 1, channels, 1, 0),
            rows(type, rows, channels, 1, 0),
            rows(DType.F32, 1, channels, 1, -4),
            null);
    View outGrad = rows(type, rows, channels, 1, 0);
    View out = sink(type, rows, channels).view();
    CudaScan scan = new CudaScan(gpu);
    View checkpoints = floats(scan.checkpointFloats(shape));
    View room = floats(scan.forwardWorkspaceFloats(shape));
    Forward forward = new Forward(shape, inputs, out, null, checkpoints, room);
    Gradients gradients =
        new Gradients(
            sink(type, rows, channels),
            sink(type, rows, channels),
            sink(DType.F32, states, channels),
            sink(type, rows, states),
            sink(type, rows, states),
            sink(DType.F32, 1, channels),
            sink(type, rows, channels),
            sink(DType.F32, 1, channels),
            null);
    ScanBackwardForm form = form();
    View workspace = floats(CudaScanBackward.workspaceFloats(shape, form));
    Backward backward =
        new Backward(shape, inputs, outGrad, null, checkpoints, gradients, workspace);
    double there = median(() -> scan.forward(forward));
    double back = median(() -> new CudaScanBackward(gpu).run(backward, form));
    IO.print(
        String.format(
            Locale.ROOT,
            "%s %s%n  forward %.3f ms, backward %.3f ms, both %.3f ms; %s%n",
            shape,
            type,
            there,
            back,
            there + back,
            form));
    byKernel(backward, form);
    if (type == DType.BF16) {
      beside(backward, form);
    }
    blocks.forEach(gpu::free);
  }

  private double median(Runnable launches) {
    launches.run();
    gpu.synchronize();
    Runnable several = gpu.capture(java.util.Collections.nCopies(LAUNCHES, launches));
    several.run();
    gpu.synchronize();
    double[] samples = new double[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
      long start = System.nanoTime();
      several.run();
      gpu.synchronize();
      samples[i] = (System.nanoTime() - start) * 1e-6 / LAUNCHES;
    }
    Arrays.sort(samples);
    return samples[SAMPLES / 2];
  }

  /** The products of a layer's weight gradients after the scan, and beside it. */
  private void beside(Backward backward, ScanBackwardForm form) {
    int rows = shape.batch() * shape.length();
    int channels = shape.dInner();
    View hidden = rows(type, rows, channels / 2, 1, 0);
    View grad = rows(type, rows, 2 * channels, 1, 0);
    List<Product> products =
        List.of(
            weights(channels / 2, channels, rows, hidden, backward.outGrad()),
            weights(2 * channels, channels / 2, rows, grad, hidden));
    try (CudaMatmul matmul = new CudaMatmul(gpu)) {
      Runnable scan = () -> new CudaScanBackward(gpu).run(backward, form);
      Runnable others = () -> products.forEach(matmul::matmul);
      Runnable beside =
          () -> {
            gpu.beside(scan, others);
            gpu.joinBeside();
          };
      Runnable both = () -> Stream.of(scan, others).forEach(Runnable::run);
      IO.print(
          String.format(
              Locale.ROOT,
              "  products %.3f ms, after the scan %.3f ms, beside it %.3f ms%n",
              median(others),
              median(both),
              median(beside)));
    }
  }

  private Product weights(int m, int n, int k, View left, View right) {
    return new Product(
        new MatmulKernels.Shape(1, m, n, k),
        new Operand(left, true, 0),
        new Operand(right, false, 0),
        sink(DType.F32, m, n),
        0,
        null);
  }

  private void byKernel(Backward backward, ScanBackwardForm form) {
    Map<String, List<Double>> times = new LinkedHashMap<>();
    Launcher timed =
        new PassingLauncher(gpu) {
          @Override
          public void launch(Kernel kernel, Grid grid, Arguments arguments) {
            gpu.synchronize();
            long start = System.nanoTime();
            super.launch(kernel, grid, arguments);
            gpu.synchronize();
            double time = (System.nanoTime() - start) * 1e-6;
            times.computeIfAbsent(kernel.name(), name -> new ArrayList<>()).add(time);
          }
        };
    for (int i = 0; i < SAMPLES; i++) {
      new CudaScanBackward(timed).run(backward, form);
    }
    times.forEach((name, samples) ->
        IO.print(
            String.format(
                Locale.ROOT,
                "  %-20s %.3f ms%n",
                name,
                samples.stream().sorted().toList().get(SAMPLES / 2))));
  }
}
