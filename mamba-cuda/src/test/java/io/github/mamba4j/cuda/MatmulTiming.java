package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Times products on this machine's first GPU, as graphs: medians of 20. Few rows with weights that
 * come from memory and not from a cache, with the rate at which these are read; many rows with
 * cuBLAS and without. The sizes are those of the models with 130 million and 2.8 billion
 * parameters.
 *
 * <p>Arguments: {@code few}, {@code many}, or none for both.
 */
final class MatmulTiming {
  /** More than any cache holds. */
  private static final long COLD_BYTES = 256 << 20;

  private static final int MOST_COPIES = 64;
  private static final int SOME_ROWS = 256;
  private static final int[][] SMALL_WEIGHTS = {
    {3072, 768}, {80, 1536}, {1536, 48}, {768, 1536}, {50_280, 768}
  };
  private static final int[][] LARGE_WEIGHTS = {{10_240, 2560}, {2560, 5120}, {50_280, 2560}};

  private final Gpu gpu;
  private final Random random = new Random(1);

  private MatmulTiming(Gpu gpu) {
    this.gpu = gpu;
  }

  public static void main(String[] arguments) {
    List<String> wanted = List.of(arguments);
    try (CudaDevice gpu = new CudaDevice(0)) {
      IO.println(gpu.name());
      MatmulTiming timing = new MatmulTiming(gpu);
      if (wanted.isEmpty() || wanted.contains("few")) {
        timing.few();
      }
      if (wanted.isEmpty() || wanted.contains("many")) {
        timing.many();
      }
    }
  }

  private void few() {
    for (DType type : new DType[] {DType.BF16, DType.F32, DType.INT8}) {
      for (int[] size : SMALL_WEIGHTS) {
        if (size[1] % type.blockElements() == 0) {
          few(DType.F32, type, 1, size[0], size[1]);
        }
      }
    }
    for (DType type : new DType[] {DType.BF16, DType.F16, DType.F32, DType.INT8}) {
      for (int m : new int[] {1, 4, 8, 16, 32, 64}) {
        for (int[] size : LARGE_WEIGHTS) {
          few(DType.F32, type, m, size[0], size[1]);
        }
      }
    }
    for (int m : new int[] {1, 64}) {
      for (int[] size : LARGE_WEIGHTS) {
        few(DType.BF16, DType.BF16, m, size[0], size[1]);
      }
    }
  }

  private void few(DType x, DType weights, int m, int n, int k) {
    CudaGemv gemv = new CudaGemv(gpu);
    long bytes = weights.bytes((long) n * k);
    List<View> memory = new ArrayList<>();
    View left = view(x, m, k, memory);
    View out = view(x, m, n, memory);
    List<Runnable> launches = new ArrayList<>();
    for (int i = 0; i < Math.clamp(COLD_BYTES / bytes, 2, MOST_COPIES); i++) {
      Operand right = new Operand(view(weights, n, k, memory), true, 0);
      Product product =
          new Product(
              new Shape(1, m, n, k),
              new Operand(left, false, 0),
              right,
              new Sink(out, false),
              0,
              null);
      launches.add(() -> gemv.launch(product));
    }
    String name = "x %s w %s %d x %d x %d".formatted(x, weights, m, n, k);
    double micros = GraphTimer.micros(gpu, launches);
    print(name, micros, "%8.1f GB/s", bytes / micros / 1e3);
    memory.forEach(view -> gpu.free(view.storage()));
  }

  private void many() {
    Consumer<CudaMatmul> all =
        matmul -> {
          IO.println(matmul.name());
          for (DType type : new DType[] {DType.BF16, DType.F32}) {
            many(matmul, type, type, 4096, 4096, 4096, "k k");
            for (int[] size : SMALL_WEIGHTS) {
              many(matmul, type, type, 16_384, size[0], size[1], "k k");
              many(matmul, type, type, 16_384, size[1], size[0], "k n");
              many(matmul, type, type, size[0], size[1], 16_384, "m n");
            }
            many(matmul, type, type, 8192, 1024, 256, "k k");
            many(matmul, type, type, 1024, 256, 8192, "m n");
          }
          for (DType type : new DType[] {DType.BF16, DType.F16, DType.INT8}) {
            many(matmul, DType.F32, type, 256, 10_240, 2560, "k k");
          }
        };
    List<CudaMatmul> ways = List.of(new CudaMatmul(gpu), new CudaMatmul(gpu, Optional::empty));
    for (CudaMatmul matmul : ways) {
      all.accept(matmul);
      matmul.close();
    }
  }

  /** What the rows of the factors' memory run along: k k, k n or m n. */
  private void many(CudaMatmul matmul, DType x, DType w, int m, int n, int k, String along) {
    boolean aTransposed = along.startsWith("m");
    boolean bTransposed = along.endsWith("k");
    List<View> memory = new ArrayList<>();
    View left = aTransposed ? view(x, k, m, memory) : view(x, m, k, memory);
    View right = bTransposed ? view(w, n, k, memory) : view(w, k, n, memory);
    View out = view(aTransposed ? DType.F32 : x, m, n, memory);
    Product product =
        new Product(
            new Shape(1, m, n, k),
            new Operand(left, aTransposed, 0),
            new Operand(right, bTransposed, 0),
            new Sink(out, aTransposed),
            0,
            null);
    String name = "%s %s %d x %d x %d, %s".formatted(x, w, m, n, k, along);
    double micros = GraphTimer.micros(gpu, () -> matmul.matmul(product));
    print(name, micros, "%8.1f TFLOP/s", 2.0 * m * n * k / micros / 1e6);
    memory.forEach(view -> gpu.free(view.storage()));
  }

  private View view(DType type, int rows, int cols, List<View> memory) {
    long count = (long) rows * cols;
    DeviceMemory block = gpu.allocate(type.bytes(count));
    int some = Math.min(rows, SOME_ROWS);
    try (Arena arena = Arena.ofConfined()) {
      // Random bits, the same again and again, of numbers around one.
      MemorySegment part = arena.allocate(type.bytes((long) some * cols), 64);
      for (long i = 0; i < part.byteSize() / 2; i++) {
        int value = random.nextInt();
        short bits =
            switch (type) {
              case F32 -> (short) (i % 2 == 0 ? value : (value & 0x807f) | 0x3f00);
              case BF16 -> (short) ((value & 0x807f) | 0x3f00);
              case F16 -> (short) ((value & 0x83ff) | 0x3800);
              default -> (short) (i % 17 == 0 ? 0x1000 : value);
            };
        part.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
      }
      for (long row = 0; row + some <= rows; row += some) {
        gpu.write(part, block, type.bytes(row * cols));
      }
    }
    View view = new View(block, type, 0, cols);
    memory.add(view);
    return view;
  }

  private static void print(String name, double micros, String format, double rate) {
    String line = String.format(Locale.ROOT, "%-48s %10.2f us " + format, name, micros, rate);
    IO.println(line);
  }
}
