package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
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
    MatmulCase sizes = MatmulCase.parse(product);
    BenchmarkMemory memory = new BenchmarkMemory(backend);
    products = products(sizes, memory, rightFactors);
    backend.matmul().matmul(products[0]);
    sizes.check(memory.read(products[0].out().view(), (long) sizes.m() * sizes.n()));
  }

  /**
   * Fills the operands of products that differ in where their right factors are.
   *
   * @param sizes the product
   * @param memory where the operands are made
   * @param rightFactors how many
   */
  public static Product[] products(MatmulCase sizes, BenchmarkMemory memory, int rightFactors) {
    int m = sizes.m();
    int n = sizes.n();
    View a = memory.matrix(sizes.left(), sizes.leftCols());
    Sink out = new Sink(memory.empty((long) m * n, n), false);
    float[] right = sizes.right();
    Product[] products = new Product[rightFactors];
    for (int i = 0; i < rightFactors; i++) {
      products[i] =
          new Product(
              new Shape(1, m, n, sizes.k()),
              new Operand(a, sizes.leftTransposed(), 0),
              new Operand(memory.matrix(right, sizes.rightCols()), sizes.rightTransposed(), 0),
              out,
              0,
              null);
    }
    return products;
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
