package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.EmulatedGpu.Side;
import org.junit.jupiter.api.Nested;

class EmulatedBesideTest {
  @Nested
  class EarlyTest extends Emulated {
    EarlyTest() {
      super(Side.EARLY);
    }
  }

  @Nested
  class LateTest extends Emulated {
    LateTest() {
      super(Side.LATE);
    }
  }

  abstract static class Emulated extends BesideContract {
    private final Side side;

    Emulated(Side side) {
      super(16, 2, 21);
      this.side = side;
    }

    @Override
    CudaBackend open() {
      return new CudaBackend(new EmulatedGpu(side));
    }

    @Override
    CudaBackend openInOrder() {
      return new CudaBackend(new EmulatedGpu(Side.IN_ORDER));
    }
  }
}
