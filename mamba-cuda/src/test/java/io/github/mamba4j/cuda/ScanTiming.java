package io.github.mamba4j.cuda;

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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Times forward scans on a GPU, in forms to compare: the median over runs of graphs of launches.
 *
 * <p>{@code -Dscan.shapes=b,d,l,n,type;…} and {@code
 * -Dscan.forms=states,lanes,channels,warps,steps,blocks;…} replace the lists below. A seventh
 * number is the steps of a chunk; two numbers are those of a {@link ScanLongForm}; {@code 0} stands
 * for what the library chooses. {@code -Dscan.memory=trained;begun;…} says how long states
 * remember, see {@link Memory}.
 */
final class ScanTiming {
  private static final String SHAPES =
      "8,2048,2048,16,bf16;8,2048,2048,16,f32;1,1536,2048,16,bf16;1,2048,65536,16,bf16;"
          + "1,2048,524288,16,bf16;64,512,512,16,bf16;1,256,1048576,16,bf16;"
          + "1,5120,1,16,bf16;64,5120,1,16,bf16";
  private static final String FORMS =
      "0;16,1;16,2;8,1;8,2;4,4,2,4,16,2;4,4,2,4,32,2;2,8,2,4,16,4;2,8,2,4,32,4;4,4,1,4,16,4;8,2,2,4,16,1;"
          + "4,4,4,4,16,1;8,2,1,4,16,2;16,1,1,4,16,1;1,16,1,8,16,2;1,16,1,8,32,2;2,8,1,4,16,2;"
          + "2,8,1,4,32,2;4,4,2,4,16,2,1024;4,4,2,4,16,2,8192";
  private static final int LAUNCHES = 20;
  private static final int RUNS = 20;

  /** Steps times channels times sequences beyond which a launch is long enough by itself. */
  private static final long LONG = 1L << 27;

  private static final int PATTERN_BYTES = 16 << 20;

  private final CudaDevice device = new CudaDevice(0);
  private final Random random = new Random(1);
  private final List<DeviceMemory> blocks = new ArrayList<>();

  private ScanTiming() {}

  public static void main(String[] arguments) {
    ScanTiming timing = new ScanTiming();
    print("%s%n", timing.device.name());
    for (String shape : System.getProperty("scan.shapes", SHAPES).split(";", -1)) {
      for (String memory : System.getProperty("scan.memory", "trained").split(";", -1)) {
        timing.time(shape.split(",", -1), Memory.valueOf(memory.toUpperCase(Locale.ROOT)));
      }
    }
    timing.device.close();
  }

  @SuppressWarnings("SystemOut")
  private static void print(String format, Object... values) {
    IO.print(String.format(Locale.ROOT, format, values));
  }

  /** Which steps and rates there are. */
  private enum Memory {
    /** Steps of about 0.05 and rates of about -2: states remember about 10 steps. */
    TRAINED,
    /** As a model begins: a channel's steps are about one of 0.001 to 0.1, rates -1, -2, .... */
    BEGUN,
    /** The least of these steps in every channel. */
    SLOW,
    /** The same, and nothing is forgotten. */
    ENDLESS;

    double noise() {
      return this == SLOW || this == ENDLESS ? 0 : 0.5;
    }

    double shift() {
      return this == TRAINED ? -3 : 0;
    }

    double bias(Random random) {
      if (this == TRAINED) {
        return random.nextGaussian() * 0.1;
      }
      double step = this == BEGUN ? Math.pow(10, random.nextDouble() * 2 - 3) : 1e-3;
      return Math.log(Math.expm1(step));
    }

    double rate(Random random, int state) {
      return switch (this) {
        case TRAINED -> random.nextGaussian() * 0.1 - 2;
        case BEGUN, SLOW -> -state - 1;
        case ENDLESS -> -1e-6;
      };
    }
  }

  private View random(DType type, long rows, long cols, double scale, double shift) {
    return filled(type, rows, cols, i -> random.nextGaussian() * scale + shift);
  }

  /** A matrix of some numbers, over and over again if it is large. */
  private View filled(DType type, long rows, long cols, IntToDoubleFunction numbers) {
    DeviceMemory memory = device.allocate(type.bytes(rows * cols));
    blocks.add(memory);
    try (Arena arena = Arena.ofConfined()) {
      long bytes = Math.min(PATTERN_BYTES, memory.byteSize());
      MemorySegment pattern = arena.allocate(PATTERN_BYTES, 16);
      for (int i = 0; i < bytes / type.blockBytes(); i++) {
        float value = (float) numbers.applyAsDouble(i);
        if (type == DType.BF16) {
          short upper = (short) (Float.floatToIntBits(value) >> 16);
          pattern.setAtIndex(ValueLayout.JAVA_SHORT, i, upper);
        } else {
          pattern.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
      }
      for (long at = 0; at < memory.byteSize(); at += bytes) {
        device.write(pattern.asSlice(0, Math.min(bytes, memory.byteSize() - at)), memory, at);
      }
    }
    return new View(memory, type, 0, cols);
  }

  private void time(String[] sizes, Memory memory) {
    int batch = Integer.parseInt(sizes[0]);
    int channels = Integer.parseInt(sizes[1]);
    int length = Integer.parseInt(sizes[2]);
    int states = Integer.parseInt(sizes[3]);
    DType type = DType.valueOf(sizes[4].toUpperCase(Locale.ROOT));
    Shape shape = new Shape(batch, length, channels, states, Discretization.EULER, true);
    long rows = (long) batch * length;
    print("B%d D%d L%d N%d %s %s%n", batch, channels, length, states, sizes[4], memory);
    View state = random(DType.F32, (long) batch * states, channels, 1, 0);
    Inputs inputs =
        new Inputs(
            random(type, rows, channels, 1, 0),
            random(type, rows, channels, memory.noise(), memory.shift()),
            filled(DType.F32, states, channels, i -> memory.rate(random, i / channels)),
            random(type, rows, states, 1, 0),
            random(type, rows, states, 1, 0),
            random(DType.F32, 1, channels, 1, 0),
            random(type, rows, channels, 1, 0),
            filled(DType.F32, 1, channels, i -> memory.bias(random)),
            length == 1 ? state : null);
    View out = random(type, rows, channels, 1, 0);
    for (String form : System.getProperty("scan.forms", FORMS).split(";", -1)) {
      if (length > 1 || form.equals("0")) {
        time(new Case(shape, inputs, out, state), form);
      }
    }
    blocks.forEach(device::free);
    blocks.clear();
  }

  private record Case(Shape shape, Inputs inputs, View out, View state) {}

  /** Returns the kernels in a form, null if it has too few states. */
  private @Nullable ScanKernels kernels(String text, Shape shape) {
    int[] v = Arrays.stream(text.split(",", -1)).mapToInt(Integer::parseInt).toArray();
    if (v.length == 1) {
      return new CudaScan(device);
    }
    if (v.length == 2) {
      return CudaScan.inForm(device, new ScanLongForm(v[0], v[1]), shape);
    }
    ScanForm form = new ScanForm(v[0], v[1], v[2], v[3], v[4], v[5]);
    int chunk = v.length > 6 ? v[6] : shape.length();
    return form.states() * form.lanes() < shape.dState()
        ? null
        : CudaScan.inForm(device, form, shape, chunk);
  }

  private void time(Case scan, String text) {
    ScanKernels kernels = kernels(text, scan.shape);
    if (kernels == null) {
      return;
    }
    long floats = Math.max(1, kernels.forwardWorkspaceFloats(scan.shape));
    DeviceMemory memory = device.allocate(floats * Float.BYTES);
    View workspace = new View(memory, DType.F32, 0, 1);
    View last = scan.shape.length() == 1 ? scan.state : null;
    Forward forward = new Forward(scan.shape, scan.inputs, scan.out, last, null, workspace);
    long work = (long) scan.shape.batch() * scan.shape.length() * scan.shape.dInner();
    int launches = work > LONG ? 1 : LAUNCHES;
    try {
      kernels.forward(forward);
      device.synchronize();
      Runnable graph =
          device.capture(Collections.nCopies(launches, () -> kernels.forward(forward)));
      graph.run();
      device.synchronize();
      double[] micros = new double[RUNS];
      for (int i = 0; i < RUNS; i++) {
        long start = System.nanoTime();
        graph.run();
        device.synchronize();
        micros[i] = (System.nanoTime() - start) / 1e3 / launches;
      }
      Arrays.sort(micros);
      print("  %-18s median %10.1f us, least %10.1f us%n", text, micros[RUNS / 2], micros[0]);
    } catch (RuntimeException e) {
      print("  %-18s %s%n", text, e.getMessage());
    } finally {
      device.free(memory);
    }
  }
}
