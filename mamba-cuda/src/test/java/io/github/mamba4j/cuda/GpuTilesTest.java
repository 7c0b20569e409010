package io.github.mamba4j.cuda;

import io.github.mamba4j.contract.MatmulKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;

/** The products of {@link GpuMatmulTest}, without cuBLAS. */
@OnGpu
class GpuTilesTest extends MatmulKernelsContract {
  @Override
  protected Backend open(int threads) {
    System.setProperty(Cublas.PROPERTY, "ptx");
    return TestGpu.mirrored();
  }

  @AfterEach
  void forgetTheChoice() {
    System.clearProperty(Cublas.PROPERTY);
  }

  @Override
  protected Storage storage(Backend backend, MemorySegment memory) {
    return TestGpu.share(backend, memory);
  }
}
