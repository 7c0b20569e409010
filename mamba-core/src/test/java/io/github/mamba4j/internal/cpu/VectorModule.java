package io.github.mamba4j.internal.cpu;

/** Whether this JVM has the Vector API; where it has not, tests of vector kernels are skipped. */
final class VectorModule {
  static final String PRESENT = "io.github.mamba4j.internal.cpu.VectorModule#present";

  private VectorModule() {}

  static boolean present() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
  }
}
