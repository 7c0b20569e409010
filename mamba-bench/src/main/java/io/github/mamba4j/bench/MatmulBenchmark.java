package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Matrix products at the shapes of a 256 × 6 and a 768 × 24 model, packing included. The column
 * {@code flops} is in GFLOP/s.
 *
 * <p>A product of few rows reads its weights once: take enough right factors that no cache holds
 * them all to see what decoding gets.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar MatmulBenchmark -p threads=1,2
 * java -jar mamba-bench/target/benchmarks.jar MatmulBenchmark -p product="NT 1 3072 768" \
 *     -p rightFactors=24
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class MatmulBenchmark {
  private static final long CHECKED_PRODUCTS = 1L << 28;

  /** Whether each factor is stored normally or transposed; rows, columns and length of the sums. */
  @Param({
    "NN 1024 1024 1024",
    "NT 2048 1024 256",
    "NT 2048 256 512",
    "NN 2048 256 1024",
    "TN 1024 256 2048",
    "NT 2048 48 512",
    "NT 2048 512 16",
    "NT 256 8192 256",
    "NN 256 256 8192",
    "TN 8192 256 256",
    "NT 2048 3072 768",
    "NT 2048 768 1536",
    "TN 3072 768 2048",
    "NT 2048 80 1536",
    "NT 2048 1536 48",
    "NT 64 3072 768",
    "NT 1 3072 768"
  })
  public String product = "";

  /** How many threads compute. */
  @Param("1")
  public int threads;

  /** The kernel family: vector or scalar. */
  @Param("vector")
  public String kernels = "";

  /** How many right factors are used in turn. */
  @Param("1")
  public int rightFactors;

  private Backend backend;
  private Product[] products = {};
  private int next;

  /** Counts the arithmetic. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Throughput {

    /** Multiplications and additions. */
    public long flops;
  }

  /** Fills the operands and checks the result against plain loops. */
  @Setup
  public void fill() {
    BackendProvider cpu =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals("cpu"))
            .findFirst()
            .orElseThrow();
    backend = cpu.open(new BackendProvider.Options(0, threads, kernels));
    String[] words = product.split(" ", -1);
    int m = Integer.parseInt(words[1]);
    int n = Integer.parseInt(words[2]);
    int k = Integer.parseInt(words[3]);
    boolean leftTransposed = words[0].charAt(0) == 'T';
    boolean rightTransposed = words[0].charAt(1) == 'T';
    float[] left = random(m * k, 1);
    float[] right = random(k * n, 2);
    View a = new View(store(left), DType.F32, 0, leftTransposed ? m : k);
    Sink out = new Sink(new View(store(new float[m * n]), DType.F32, 0, n), false);
    products = new Product[rightFactors];
    for (int i = 0; i < rightFactors; i++) {
      View b = new View(store(right), DType.F32, 0, rightTransposed ? k : n);
      products[i] =
          new Product(
              new Shape(1, m, n, k),
              new Operand(a, leftTransposed, 0),
              new Operand(b, rightTransposed, 0),
              out,
              0,
              null);
    }
    backend.matmul().matmul(products[0]);
    check(left, right);
  }

  private void check(float[] left, float[] right) {
    Shape shape = products[0].shape();
    int m = shape.m();
    int n = shape.n();
    int k = shape.k();
    boolean leftTransposed = products[0].a().transposed();
    boolean rightTransposed = products[0].b().transposed();
    float[] result = load(products[0].out().view().storage(), m * n);
    long rows = Math.clamp(CHECKED_PRODUCTS / ((long) n * k), 1, m);
    for (long r = 0; r < rows; r++) {
      int i = (int) (r * m / rows);
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int p = 0; p < k; p++) {
          double x = left[leftTransposed ? p * m + i : i * k + p];
          sum += x * right[rightTransposed ? j * k + p : p * n + j];
        }
        if (!(Math.abs(sum - result[i * n + j]) < 1e-6 * k)) {
          throw new IllegalStateException(
              String.format(
                  Locale.ROOT,
                  "MatmulBenchmark: element [%d, %d] of %s is %s, expected %s",
                  i,
                  j,
                  product,
                  result[i * n + j],
                  sum));
        }
      }
    }
  }

  private static float[] random(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  private Storage store(float[] values) {
    long bytes = (long) values.length * Float.BYTES;
    Storage storage = backend.allocate(bytes);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment source = arena.allocate(bytes, Float.BYTES);
      MemorySegment.copy(values, 0, source, ValueLayout.JAVA_FLOAT, 0, values.length);
      backend.write(source, storage, 0);
    }
    return storage;
  }

  private float[] load(Storage storage, int count) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment target = arena.allocate((long) count * Float.BYTES, Float.BYTES);
      backend.read(storage, 0, target);
      return target.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** Ends the threads and frees the memory. */
  @TearDown
  public void close() {
    backend.close();
  }

  /**
   * Computes the product with the next right factor.
   *
   * @param throughput counts the arithmetic
   */
  @Benchmark
  public void matmul(Throughput throughput) {
    Product product = products[next];
    next = next + 1 == products.length ? 0 : next + 1;
    backend.matmul().matmul(product);
    Shape shape = product.shape();
    throughput.flops += 2L * shape.m() * shape.n() * shape.k();
  }
}
