package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Times the scans of Mamba-2 on this machine's first GPU, as graphs: medians of 20, of whole passes
 * and of each kernel. Arguments: batch, length, heads, channels a head, states (default: 8 2048 24
 * 64 128, the model with 130 million parameters), and f32 or bf16.
 */
final class SsdTiming {

  private record Launch(Kernel kernel, Grid grid, Arguments arguments) {}

  /** Passes launches on, and remembers them. */
  private static final class Recorder extends PassingLauncher {
    private final List<Launch> launches;

    Recorder(Gpu gpu, List<Launch> launches) {
      super(gpu);
      this.launches = launches;
    }

    @Override
    public void launch(Kernel kernel, Grid grid, Arguments arguments) {
      launches.add(new Launch(kernel, grid, arguments));
      super.launch(kernel, grid, arguments);
    }
  }

  private final Gpu gpu;
  private final Shape shape;
  private final DType type;
  private final Random random = new Random(1);

  private SsdTiming(Gpu gpu, Shape shape, DType type) {
    this.gpu = gpu;
    this.shape = shape;
    this.type = type;
  }

  public static void main(String[] arguments) {
    List<String> words = List.of(arguments);
    int[] s = {8, 2048, 24, 64, 128};
    for (int i = 0; i < Math.min(s.length, words.size()); i++) {
      s[i] = Integer.parseInt(words.get(i));
    }
    Shape shape =
        new Shape(s[0], s[1], s[2], s[3], 1, s[4], 256, false, 0, Float.POSITIVE_INFINITY);
    try (CudaDevice gpu = new CudaDevice(0)) {
      IO.println(gpu.name() + ", " + shape);
      for (DType type : new DType[] {DType.BF16, DType.F32}) {
        if (words.size() <= s.length || words.getLast().equalsIgnoreCase(type.name())) {
          new SsdTiming(gpu, shape, type).run();
        }
      }
    }
  }

  private View random(DType elements, int rows, int cols, double scale, double shift) {
    long bytes = elements.bytes((long) rows * cols);
    DeviceMemory memory = gpu.allocate(bytes);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(bytes, 64);
      for (long i = 0; i < (long) rows * cols; i++) {
        float value = (float) (scale * random.nextGaussian() + shift);
        if (elements == DType.BF16) {
          short half = (short) (Float.floatToRawIntBits(value) >>> 16);
          host.setAtIndex(ValueLayout.JAVA_SHORT, i, half);
        } else {
          host.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      gpu.write(host, memory, 0);
    }
    return new View(memory, elements, 0, cols);
  }

  private View floats(long count) {
    return new View(gpu.allocate(4 * Math.max(1, count)), DType.F32, 0, Math.max(1, count));
  }

  private Sink sink(View like, int cols) {
    View view = new View(like.storage(), like.type(), like.offset(), like.stride());
    assert view.stride() >= cols : view;
    return new Sink(view, false);
  }

  private void run() {
    int rows = shape.batch() * shape.length();
    int states = shape.groups() * shape.dState();
    int inner = shape.dInner();
    int heads = shape.heads();
    // As the convolution and the projection leave them: x, B and C side by side.
    View xbc = random(type, rows, inner + 2 * states, 1, 0);
    View xbcGrad = random(type, rows, inner + 2 * states, 1, 0);
    View dt = random(type, rows, heads, 0.5, -3);
    View dtGrad = random(type, rows, heads, 1, 0);
    View out = random(type, rows, inner, 1, 0);
    View outGrad = random(type, rows, inner, 1, 0);
    View a = random(DType.F32, 1, heads, 1, -8);
    View parameter = random(DType.F32, 1, heads, 0.1, 0);
    View grads = random(DType.F32, 1, 4 * heads, 1, 0);
    Inputs in =
        new Inputs(
            xbc, dt, a, xbc.plus(inner), xbc.plus(inner + states), parameter, parameter, null);
    Recorder recorder = new Recorder(gpu, new ArrayList<>());
    CudaSsd kernels = new CudaSsd(recorder);
    View finalState = random(DType.F32, shape.batch() * shape.dState(), inner, 1, 0);
    View checkpoints = floats(kernels.checkpointFloats(shape));
    View forwardRoom = floats(kernels.forwardWorkspaceFloats(shape));
    View backwardRoom = floats(kernels.backwardWorkspaceFloats(shape));
    Forward forward = new Forward(shape, in, out, finalState, checkpoints, forwardRoom);
    Gradients gradients =
        new Gradients(
            sink(xbcGrad, inner),
            sink(dtGrad, heads),
            sink(grads, heads),
            sink(xbcGrad.plus(inner), states),
            sink(xbcGrad.plus(inner + states), states),
            sink(grads.plus(heads), heads),
            sink(grads.plus(2L * heads), heads),
            null);
    Backward backward =
        new Backward(shape, in, outGrad, null, checkpoints, gradients, backwardRoom);
    Runnable forwardOnly = () -> kernels.forward(forward);
    Runnable both =
        () -> {
          kernels.forward(forward);
          kernels.backward(backward);
        };
    both.run();
    gpu.synchronize();
    List<Launch> launches = List.copyOf(recorder.launches);
    IO.print(String.format(Locale.ROOT, "%s: forward %.4f ms%n", type, millis(forwardOnly)));
    IO.print(String.format(Locale.ROOT, "%s: forward and backward %.4f ms%n", type, millis(both)));
    for (Launch launch : launches) {
      double millis = millis(() -> gpu.launch(launch.kernel, launch.grid, launch.arguments));
      IO.print(
          String.format(
              Locale.ROOT, "  %-24s %.4f ms  %s%n", launch.kernel.name(), millis, launch.grid));
    }
  }

  /** Returns the median time of some launches, in milliseconds. */
  private double millis(Runnable launches) {
    return GraphTimer.micros(gpu, launches) / 1e3;
  }
}
