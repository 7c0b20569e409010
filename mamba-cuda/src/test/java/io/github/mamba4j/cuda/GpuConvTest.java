package io.github.mamba4j.cuda;

import io.github.mamba4j.contract.ConvKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;

@OnGpu
class GpuConvTest extends ConvKernelsContract {
  @Override
  protected Backend open(int threads) {
    return TestGpu.mirrored();
  }

  @Override
  protected Storage storage(Backend backend, MemorySegment memory) {
    return TestGpu.share(backend, memory);
  }
}
