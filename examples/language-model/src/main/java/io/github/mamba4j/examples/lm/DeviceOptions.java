package io.github.mamba4j.examples.lm;

import io.github.mamba4j.spi.BackendUnavailableException;
import io.github.mamba4j.tensor.Device;
import picocli.CommandLine.Option;

/** Where to compute. */
final class DeviceOptions {
  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "auto",
      description = "auto, cpu or cuda (default: ${DEFAULT-VALUE}).")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads (default: one per processor).")
  private Integer threads;

  /** Opens the device, to be closed by the caller. */
  Device open() {
    if (threads != null && threads <= 0) {
      throw new BadInputException("--threads must be positive, got " + threads);
    }
    try {
      return BadInputException.refused(() -> Device.open(device, threads()));
    } catch (BackendUnavailableException e) {
      String remedy =
          device.startsWith("cuda")
              ? "; install the CUDA plug-in (mamba-cuda) or use --device cpu"
              : "";
      throw new BadInputException("--device " + device + ": " + e.getMessage() + remedy, e);
    }
  }

  /** Returns the threads to compute with, 0 for one per processor. */
  int threads() {
    return threads == null ? 0 : threads;
  }

  /** Returns the threads to prepare data with, positive. */
  int hostThreads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }
}
