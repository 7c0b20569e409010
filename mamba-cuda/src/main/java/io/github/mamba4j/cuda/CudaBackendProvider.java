package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.BackendUnavailableException;
import java.util.Optional;

/** Opens NVIDIA GPUs: {@code cuda}, or {@code cuda:1} for the second one. */
public final class CudaBackendProvider implements BackendProvider {
  private static final String AUTO = "auto";
  private static final String KERNELS = "ptx";

  /** Makes a provider; for {@link java.util.ServiceLoader}. */
  public CudaBackendProvider() {}

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public int rank() {
    return 10;
  }

  @Override
  public Optional<String> unusableReason() {
    return CudaDriver.unusableReason();
  }

  /**
   * Opens a GPU.
   *
   * @throws BackendUnavailableException if there is no such GPU or kernel family here
   */
  @Override
  public Backend open(Options options) {
    if (!options.kernels().equals(AUTO) && !options.kernels().equals(KERNELS)) {
      throw new BackendUnavailableException(
          "cuda: there are no kernels '"
              + options.kernels()
              + "', expected auto or ptx; use the device cpu for others");
    }
    CudaDriver.unusableReason(options.index())
        .ifPresent(reason -> {
          throw new BackendUnavailableException("cuda: " + reason);
        });
    return new CudaBackend(new CudaDevice(options.index()));
  }
}
