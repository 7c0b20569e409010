package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.BenchmarkMemory;
import io.github.mamba4j.bench.MatmulBenchmark;
import io.github.mamba4j.bench.MatmulCase;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.MatmulKernels.Product;
import java.util.Map;

/** Mamba4J's matrix products, packing included. */
final class OwnMatmul implements Contestant {
  private final int threads;

  OwnMatmul(Setting setting) {
    threads = setting.threads();
  }

  @Override
  public Map<String, Object> describe() {
    return OwnCpu.describe();
  }

  @Override
  public Trial prepare(String cell) {
    MatmulCase sizes = MatmulCase.parse(cell);
    int rights = MatmulWork.rightFactors(cell);
    Backend backend = OwnCpu.open(threads);
    BenchmarkMemory memory = new BenchmarkMemory(backend);
    Product[] products = MatmulBenchmark.products(sizes, memory, rights);
    for (Product product : products) {
      backend.matmul().matmul(product);
    }
    sizes.check(memory.read(products[0].out().view(), (long) sizes.m() * sizes.n()));
    return new Trial() {
      @Override
      public double seconds() {
        long start = System.nanoTime();
        for (Product product : products) {
          backend.matmul().matmul(product);
        }
        return (System.nanoTime() - start) * 1e-9;
      }

      @Override
      public Map<String, Object> facts() {
        return MatmulWork.bound(sizes, rights);
      }

      @Override
      public void close() {
        backend.close();
      }
    };
  }

  @Override
  public void close() {}
}
