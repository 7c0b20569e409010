package io.github.mamba4j.cuda;

import io.github.mamba4j.contract.MatmulKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

class EmulatedMatmulTest extends MatmulKernelsContract {
  /** What takes about a second. */
  private static final long MOST_PRODUCTS = 2_500_000;

  @Override
  protected Backend open(int threads) {
    return TestGpu.emulated();
  }

  @Override
  protected Storage storage(Backend backend, MemorySegment memory) {
    return TestGpu.share(backend, memory);
  }

  @Override
  protected int[] sizes() {
    return new int[] {1, 5, 16, 35};
  }

  @Override
  protected boolean affords(long products) {
    return products <= MOST_PRODUCTS;
  }

  @Override
  protected int[] rowCounts(int fewest, int most) {
    return IntStream.of(1, 2, 9, 33, 65).filter(m -> m >= fewest && m < most).toArray();
  }
}
