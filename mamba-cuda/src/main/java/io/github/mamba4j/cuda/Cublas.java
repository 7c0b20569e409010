package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds NVIDIA's cuBLAS, and what both ways to call it share. */
final class Cublas {
  /** System property that says what computes large products: auto, cublas or ptx. */
  static final String PROPERTY = "mamba.cuda.matmul";

  /** System property that, if true, lets products of floats drop bits for speed. */
  static final String TF32_PROPERTY = "mamba.cuda.tf32";

  /** Memory that products may use; what NVIDIA recommends for its large GPUs. */
  static final long WORKSPACE_BYTES = 32 << 20;

  static final int SUCCESS = 0;
  static final int NOT_TRANSPOSED = 0;
  static final int TRANSPOSED = 1;
  static final int DEFAULT_ALGORITHM = -1;

  /** Sums of parts of 16-bit products are of floats, too. */
  static final int MATH_MODE = 16;

  private static final int COMPUTE_FLOAT = 68;
  private static final int COMPUTE_FLOAT_PEDANTIC = 69;
  private static final int COMPUTE_TF32 = 77;
  private static final int TYPE_FLOAT = 0;
  private static final int TYPE_BF16 = 14;

  private static final Logger LOG = System.getLogger(Cublas.class.getName());

  private Cublas() {}

  /** A way to the library. */
  private interface Way {
    Blas open(CudaStream stream, DeviceMemory workspace);
  }

  /**
   * Opens the library for a GPU unless {@link #PROPERTY} says otherwise, and logs which code
   * computes large products.
   *
   * @param gpu where it shall run
   * @return the library, or empty for this module's own kernels
   * @throws IllegalStateException if the library is demanded and there is none
   */
  static Optional<Blas> open(Gpu gpu) {
    String choice = System.getProperty(PROPERTY, "auto").toLowerCase(Locale.ROOT);
    CudaStream stream = gpu.stream();
    Optional<Blas> found =
        switch (choice) {
          case "auto", "cublas" -> stream == null ? Optional.empty() : find(gpu, stream);
          case "ptx" -> Optional.empty();
          default ->
              throw new IllegalArgumentException(
                  "Cublas: the system property "
                      + PROPERTY
                      + " is '"
                      + choice
                      + "', expected auto, cublas or ptx");
        };
    if (found.isEmpty() && choice.equals("cublas")) {
      throw new IllegalStateException(
          "Cublas: cuBLAS was demanded (system property "
              + PROPERTY
              + ") but is not there; install CUDA's libcublas, or choose ptx");
    }
    if (stream != null && !gpu.isBeside()) {
      LOG.log(Level.INFO, "Large products on {0}: {1}", gpu.name(), nameOf(found.orElse(null)));
    }
    return found;
  }

  /** Returns what computes large products. */
  static String nameOf(@Nullable Blas blas) {
    return blas == null ? "ptx" : blas.name();
  }

  private static Optional<Blas> find(Gpu gpu, CudaStream stream) {
    DeviceMemory workspace = gpu.allocate(WORKSPACE_BYTES);
    List<String> reasons = new ArrayList<>();
    // JCuda's natives fit CUDA 12 alone.
    for (Way way : List.<Way>of(JcudaBlas::new, NativeBlas::open)) {
      Blas[] opened = new Blas[1];
      try {
        gpu.call(() -> opened[0] = way.open(stream, workspace));
        return Optional.of(opened[0]);
      } catch (LinkageError | IllegalStateException e) {
        reasons.add(String.valueOf(e.getMessage()));
      }
    }
    gpu.free(workspace);
    LOG.log(
        Level.WARNING,
        "cuBLAS is not to be had, so large products take longer; install CUDA''s libcublas. {0}",
        String.join("; ", reasons));
    return Optional.empty();
  }

  /** Returns whether products of floats may drop bits for speed. */
  static boolean cutsFloats() {
    return Boolean.getBoolean(TF32_PROPERTY);
  }

  /** Returns cuBLAS's name of a type. */
  static int type(DType type) {
    return switch (type) {
      case F32 -> TYPE_FLOAT;
      case BF16 -> TYPE_BF16;
      default -> throw new IllegalArgumentException("Cublas: no products of " + type);
    };
  }

  /** Returns how products of a type are to be computed. */
  static int compute(DType type) {
    if (type != DType.F32) {
      return COMPUTE_FLOAT;
    }
    return cutsFloats() ? COMPUTE_TF32 : COMPUTE_FLOAT_PEDANTIC;
  }

  static int operation(Blas.Matrix matrix) {
    return matrix.transposed() ? TRANSPOSED : NOT_TRANSPOSED;
  }

  /** Returns a version as people write it; cuBLAS says 120603 or 130000. */
  static String version(int number) {
    return number / 10_000 + "." + number / 100 % 100 + "." + number % 100;
  }

  static void check(int status, String call) {
    if (status != SUCCESS) {
      throw new IllegalStateException("Cublas: " + call + " failed with status " + status);
    }
  }
}
