package io.github.mamba4j.internal.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;

/**
 * What the contracts of all kernel families share.
 *
 * @param <K> the family
 */
abstract class KernelsContract<K> {
  private static final int MOST_THREADS = 3;

  final Random random = new Random(20_261_122);
  private final List<WorkerPool> pools = new ArrayList<>();

  /** Returns the kernels under test. */
  abstract K kernels(WorkerPool pool);

  final K kernels(int threads) {
    WorkerPool pool = new WorkerPool(threads);
    pools.add(pool);
    return kernels(pool);
  }

  final TestMatrix matrix(int rows, int cols, int gap) {
    return TestMatrix.random(random, rows, cols, gap);
  }

  /** Asserts that kernels compute the same bits whatever the number of threads. */
  final void assertSameBitsForAnyThreads(Function<K, List<TestMatrix>> computation) {
    List<TestMatrix> expected = computation.apply(kernels(1));
    for (int threads = 2; threads <= MOST_THREADS; threads++) {
      List<TestMatrix> actual = computation.apply(kernels(threads));
      for (int i = 0; i < expected.size(); i++) {
        actual.get(i).assertSameBits(expected.get(i));
      }
    }
  }

  @AfterEach
  final void closePools() {
    pools.forEach(WorkerPool::close);
  }
}
