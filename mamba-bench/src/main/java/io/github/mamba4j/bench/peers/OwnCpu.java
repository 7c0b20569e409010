package io.github.mamba4j.bench.peers;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.ServiceLoader;

/** What contestants that are Mamba4J have in common. */
final class OwnCpu {
  private OwnCpu() {}

  /** Opens the CPU with as many threads. */
  static Backend open(int threads) {
    BackendProvider cpu =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals("cpu"))
            .findFirst()
            .orElseThrow();
    return cpu.open(new BackendProvider.Options(0, threads, "auto"));
  }

  /** Returns which code runs. */
  static Map<String, Object> describe() {
    Map<String, Object> description = new LinkedHashMap<>();
    try (Backend backend = open(1)) {
      description.put("kernels", backend.kernels());
    }
    description.put(
        "classes", Backend.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    description.put(
        "jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    return description;
  }
}
