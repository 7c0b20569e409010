package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;

/** The CPU's backends, by kernels. */
final class CpuBackends {
  private CpuBackends() {}

  static Backend scalar(int threads) {
    return open(threads, "scalar");
  }

  static Backend vector(int threads) {
    return open(threads, "vector");
  }

  private static Backend open(int threads, String kernels) {
    return new CpuBackendProvider().open(new BackendProvider.Options(0, threads, kernels));
  }
}
