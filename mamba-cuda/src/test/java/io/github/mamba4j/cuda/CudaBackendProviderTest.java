package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.BackendProvider.Options;
import io.github.mamba4j.spi.BackendUnavailableException;
import io.github.mamba4j.tensor.Device;
import org.junit.jupiter.api.Test;

/** How the plug-in is found and what it refuses. */
class CudaBackendProviderTest {
  private final BackendProvider provider = new CudaBackendProvider();

  @Test
  void provider_besideTheCore_isFoundAndPreferredToTheCpu() {
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> Device.open("tpu", 1))
        .withMessage("Device: there is no device 'tpu' here; known: cuda, cpu, auto");
    assertThat(provider.rank()).isPositive();
  }

  @Test
  void open_whatThereIsNot_isRefusedWithTheReason() {
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> provider.open(new Options(0, 1, "vector")))
        .withMessage(
            "cuda: there are no kernels 'vector', expected auto or ptx; use the device cpu for"
                + " others");
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> Device.open("cuda:1000", 1))
        .withMessageContaining("cuda: ");
  }
}
