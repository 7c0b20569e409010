package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.BackendUnavailableException;
import java.util.Optional;
import java.util.function.Function;

/**
 * Opens the CPU, which can always be used.
 *
 * <p>The kernels are {@code vector}, {@code scalar} or {@code auto}; the latter asks the system
 * property {@value #KERNELS_PROPERTY}, and if that is not set takes vectors where {@code
 * jdk.incubator.vector} is present, by way of {@link StartKernels}.
 */
public final class CpuBackendProvider implements BackendProvider {
  private static final String KERNELS_PROPERTY = "mamba.kernels";
  private static final String AUTO = "auto";
  private static final String VECTOR_MODULE = "jdk.incubator.vector";
  private static final String REMEDY = "start the JVM with --add-modules " + VECTOR_MODULE;

  /** Makes a provider; for {@link java.util.ServiceLoader}. */
  public CpuBackendProvider() {}

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public Optional<String> unusableReason() {
    return Optional.empty();
  }

  /**
   * Opens a backend.
   *
   * @throws BackendUnavailableException if there is no such device or kernel family here
   * @throws IllegalArgumentException if the number of threads is not positive
   */
  @Override
  public Backend open(Options options) {
    if (options.index() != 0) {
      throw new BackendUnavailableException(
          "cpu: there is only device 0, got index " + options.index());
    }
    if (options.threads() < 1) {
      throw new IllegalArgumentException(
          "CpuBackendProvider: threads must be positive, got " + options.threads());
    }
    Function<WorkerPool, KernelSet> factory = factory(options.kernels());
    WorkerPool pool = new WorkerPool(options.threads());
    return new CpuBackend(factory.apply(pool), pool);
  }

  private static Function<WorkerPool, KernelSet> factory(String option) {
    boolean unnamed = option.equals(AUTO);
    String wish = unnamed ? System.getProperty(KERNELS_PROPERTY, AUTO) : option;
    boolean vectors = ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    return switch (wish) {
      case "scalar" -> ScalarKernels::create;
      case "vector" -> {
        if (!vectors) {
          throw new BackendUnavailableException(
              "cpu: kernels 'vector' need the module " + VECTOR_MODULE + "; " + REMEDY);
        }
        yield VectorKernels::create;
      }
      case AUTO -> {
        if (vectors) {
          yield StartKernels::new;
        }
        ScalarWarning.once();
        yield ScalarKernels::create;
      }
      default ->
          throw new BackendUnavailableException(
              "cpu: there are no kernels '"
                  + wish
                  + "'"
                  + (unnamed ? " (system property " + KERNELS_PROPERTY + ")" : "")
                  + ", expected auto, scalar or vector");
    };
  }

  private static void warnOfScalar() {
    System.getLogger(CpuBackendProvider.class.getName())
        .log(
            System.Logger.Level.WARNING,
            "The scalar CPU kernels are in use, several times slower than SIMD; " + REMEDY);
  }

  /** Warns when the JVM initialises this class, and so once. */
  private static final class ScalarWarning {
    static {
      warnOfScalar();
    }

    private ScalarWarning() {}

    /** Initialises this class. */
    static void once() {}
  }
}
