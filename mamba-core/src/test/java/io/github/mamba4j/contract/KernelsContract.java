package io.github.mamba4j.contract;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * What the contracts of all kernel families share. A backend's own tests extend them and open the
 * backend.
 *
 * @param <K> the family
 */
public abstract class KernelsContract<K> {
  private static final int MOST_THREADS = 3;

  final Random random = new Random(20_261_122);
  private final List<Backend> backends = new ArrayList<>();

  /**
   * Opens the backend under test.
   *
   * @param threads CPU threads to compute with, which a GPU ignores
   */
  protected abstract Backend open(int threads);

  /**
   * Makes host memory a storage of the backend under test; what kernels write there the host sees
   * when their call has returned.
   */
  protected Storage storage(Backend backend, MemorySegment memory) {
    return backend.map(memory);
  }

  /** Returns the family's kernels. */
  abstract K kernels(Backend backend);

  final K kernels(int threads) {
    Backend backend = open(threads);
    backends.add(backend);
    return kernels(backend);
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

  @BeforeEach
  final void openMemory() {
    Backend backend = open(1);
    backends.add(backend);
    TestMemory.begin(memory -> storage(backend, memory));
  }

  @AfterEach
  final void closeBackends() {
    TestMemory.end();
    backends.forEach(Backend::close);
    backends.clear();
  }
}
