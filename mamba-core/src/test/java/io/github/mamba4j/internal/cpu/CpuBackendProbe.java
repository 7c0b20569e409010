package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;

/** A program for tests of what a fresh JVM says: opens the CPU twice and prints the kernels. */
final class CpuBackendProbe {
  private CpuBackendProbe() {}

  public static void main(String[] args) {
    BackendProvider.Options options = new BackendProvider.Options(0, 1, "auto");
    try (Backend first = new CpuBackendProvider().open(options);
        Backend second = new CpuBackendProvider().open(options)) {
      System.out.println(first.kernels());
      System.out.println("second " + second.kernels());
    }
  }
}
