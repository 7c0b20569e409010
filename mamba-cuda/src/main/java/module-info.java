/**
 * Kernels for NVIDIA GPUs: hand-written PTX, one file a family, with a small step that expands what
 * differs by size and type.
 */
@SuppressWarnings("requires-automatic") // JCuda has no module descriptor.
module io.github.mamba4j.cuda {
  requires io.github.mamba4j.core;
  requires static org.jspecify;
  requires jcuda;
  requires static jcublas;

  provides io.github.mamba4j.spi.BackendProvider with
      io.github.mamba4j.cuda.CudaBackendProvider;
}
