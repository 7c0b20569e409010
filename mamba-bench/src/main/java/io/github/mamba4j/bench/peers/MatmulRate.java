package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.BenchmarkMemory;
import io.github.mamba4j.model.MambaConfig;
import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/**
 * The rate of the four products of a Mamba-1 block alone, float32, for a prompt of some tokens: the
 * bound of prefill.
 */
final class MatmulRate {
  private static final int REPEATS = 7;
  private static final long WARM_UP_NANOS = 2_000_000_000;

  private MatmulRate() {}

  /** Returns the operations of all products that a prompt needs, the head's for one token. */
  static double flops(MambaConfig config, int length) {
    double block = 0;
    for (Shape shape : shapes(config, length)) {
      block += flops(shape);
    }
    return block * config.nLayers() + 2.0 * config.paddedVocabSize() * config.dModel();
  }

  private static double flops(Shape shape) {
    return 2.0 * shape.m() * shape.n() * shape.k();
  }

  private static List<Shape> shapes(MambaConfig config, int length) {
    if (!(config.mixer() instanceof Mamba1Mixer.Config mixer)) {
      throw new IllegalArgumentException("MatmulRate: expected a Mamba-1 model");
    }
    int inner = mixer.dInner();
    int mixed = mixer.dtRank() + 2 * mixer.dState();
    return List.of(
        new Shape(1, length, 2 * inner, config.dModel()),
        new Shape(1, length, mixed, inner),
        new Shape(1, length, inner, mixer.dtRank()),
        new Shape(1, length, config.dModel(), inner));
  }

  /** Measures operations a second, packing of the weights counted. */
  static double[] measure(MambaConfig config, int length, int threads) {
    BackendProvider cpu =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals("cpu"))
            .findFirst()
            .orElseThrow();
    try (Backend backend = cpu.open(new BackendProvider.Options(0, threads, "auto"))) {
      BenchmarkMemory memory = new BenchmarkMemory(backend);
      List<Product> products = new ArrayList<>();
      double flops = 0;
      for (Shape shape : shapes(config, length)) {
        products.add(product(memory, shape));
        flops += flops(shape);
      }
      long warm = System.nanoTime();
      while (System.nanoTime() - warm < WARM_UP_NANOS) {
        products.forEach(backend.matmul()::matmul);
      }
      double[] rates = new double[REPEATS];
      for (int i = 0; i < REPEATS; i++) {
        long start = System.nanoTime();
        products.forEach(backend.matmul()::matmul);
        rates[i] = flops * 1e9 / (System.nanoTime() - start);
      }
      return rates;
    }
  }

  private static Product product(BenchmarkMemory memory, Shape shape) {
    float[] left = memory.uniform((long) shape.m() * shape.k(), -1, 1);
    float[] right = memory.uniform((long) shape.n() * shape.k(), -1, 1);
    return new Product(
        shape,
        new Operand(memory.matrix(left, shape.k()), false, 0),
        new Operand(memory.matrix(right, shape.k()), true, 0),
        new Sink(memory.empty((long) shape.m() * shape.n(), shape.n()), false),
        0,
        null);
  }
}
