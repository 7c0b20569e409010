package io.github.mamba4j.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A GPU, real or emulated, whose kernels and the test see the same host memory. */
interface TestGpu extends Gpu {
  /** Makes host memory a block that kernels read and write as if it were theirs. */
  DeviceMemory share(MemorySegment host);

  /** Makes host memory a storage of a backend over a {@link TestGpu}. */
  static Storage share(Backend backend, MemorySegment host) {
    return ((TestGpu) ((CudaBackend) backend).gpu()).share(host);
  }

  /** Opens an emulated GPU. */
  static CudaBackend emulated() {
    return new CudaBackend(new EmulatedGpu());
  }

  /** Opens this machine's first GPU; where there is none, the test is skipped with the reason. */
  static CudaBackend real() {
    return new CudaBackend(device());
  }

  /** Opens it with memory that the test sees, too. */
  static CudaBackend mirrored() {
    return new CudaBackend(new MirroredGpu(device()));
  }

  private static CudaDevice device() {
    Optional<String> reason = CudaDriver.unusableReason();
    assumeTrue(reason.isEmpty(), () -> reason.orElse(""));
    return new CudaDevice(0);
  }
}
