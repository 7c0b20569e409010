/**
 * Mamba models on the JVM: tensors with gradients, layers, training and generation.
 *
 * <p>The module runs without {@code jdk.incubator.vector} on its scalar kernels; start the JVM with
 * {@code --add-modules jdk.incubator.vector} to get the SIMD ones.
 */
@SuppressWarnings("requires-automatic") // Commons Math 3 has no module descriptor.
module io.github.mamba4j.core {
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;
  requires commons.math3;
  requires tools.jackson.core;

  uses io.github.mamba4j.spi.BackendProvider;

  provides io.github.mamba4j.spi.BackendProvider with
      io.github.mamba4j.internal.cpu.CpuBackendProvider;

  exports io.github.mamba4j.checkpoint;
  exports io.github.mamba4j.generate;
  exports io.github.mamba4j.model;
  exports io.github.mamba4j.nn;
  exports io.github.mamba4j.spi;
  exports io.github.mamba4j.ssm;
  exports io.github.mamba4j.tensor;
  exports io.github.mamba4j.train;
}
