package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import java.util.ServiceLoader;
import org.openjdk.jmh.infra.BenchmarkParams;

/** The JVM flags that tell the vector from the scalar kernels, and the backend they lead to. */
final class ForkFlags {
  /** The fork of a benchmark method called {@code vector…}. */
  static final String VECTOR = "--add-modules=jdk.incubator.vector";

  /** The fork of a benchmark method called {@code scalar…}. */
  static final String SCALAR = "-Dmamba.kernels=scalar";

  private ForkFlags() {}

  /**
   * Opens the CPU and checks that it has the kernels that the benchmark's method is named for, so
   * that a number never belongs to other kernels than it says.
   */
  static Backend openCpu(BenchmarkParams benchmark, int threads) {
    for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
      if (provider.name().equals("cpu")) {
        Backend backend = provider.open(new BackendProvider.Options(0, threads, "auto"));
        checkKernels(benchmark, backend.kernels());
        return backend;
      }
    }
    throw new IllegalStateException("ForkFlags: there is no cpu backend on the class path");
  }

  private static void checkKernels(BenchmarkParams benchmark, String kernels) {
    String name = benchmark.getBenchmark();
    String method = name.substring(name.lastIndexOf('.') + 1);
    String wanted = method.startsWith("scalar") ? "scalar" : "vector";
    if (!kernels.startsWith(wanted)) {
      throw new IllegalStateException(
          "ForkFlags: " + method + " runs on kernels '" + kernels + "', expected " + wanted);
    }
  }
}
