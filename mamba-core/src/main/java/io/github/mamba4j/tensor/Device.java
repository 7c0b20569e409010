package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.BackendUnavailableException;
import io.github.mamba4j.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * The hardware that tensors live on, with its threads.
 *
 * <p>Every device is a runtime of its own: two devices with different settings live side by side in
 * one JVM. A device may be used by several threads; a {@link Scope} may not.
 */
public final class Device implements AutoCloseable {
  /** System property that names the device when the program does not. */
  public static final String DEVICE_PROPERTY = "mamba.device";

  /** System property that forces a kernel family, such as {@code scalar}. */
  public static final String KERNELS_PROPERTY = "mamba.kernels";

  private static final String AUTO = "auto";

  private final Backend backend;

  private Device(Backend backend) {
    this.backend = backend;
  }

  /**
   * Opens the best device of this machine with one thread per processor.
   *
   * @return the device, to be closed by the caller
   * @see #open(String, int)
   */
  public static Device open() {
    return open(AUTO, 0);
  }

  /**
   * Opens a device.
   *
   * <p>A name that is not {@code auto} wins; then the system property {@code mamba.device}; then
   * the usable provider of the highest rank. What was named and cannot run throws.
   *
   * @param selector {@code auto}, or the name of a kind, such as {@code cpu} or {@code cuda},
   *     optionally with an index, as in {@code cuda:1}
   * @param threads CPU threads to compute with, or 0 for one per processor
   * @return the device, to be closed by the caller
   * @throws BackendUnavailableException if the named device does not exist or cannot run here
   * @throws IllegalArgumentException if threads is negative or the selector is malformed
   */
  public static Device open(String selector, int threads) {
    if (threads < 0) {
      throw new IllegalArgumentException(
          "Device: threads must be positive, or 0 for one per processor, got " + threads);
    }
    String wanted = selector.equals(AUTO) ? System.getProperty(DEVICE_PROPERTY, AUTO) : selector;
    int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    String kernels = System.getProperty(KERNELS_PROPERTY, AUTO);
    int colon = wanted.indexOf(':');
    String kind = colon < 0 ? wanted : wanted.substring(0, colon);
    int index = colon < 0 ? 0 : parseIndex(wanted, wanted.substring(colon + 1));
    BackendProvider provider = kind.equals(AUTO) ? best() : named(kind);
    return new Device(provider.open(new BackendProvider.Options(index, count, kernels)));
  }

  /**
   * Makes a device of a backend that was opened by other means than its name.
   *
   * @param backend the backend; closing the device closes it
   * @return the device, to be closed by the caller
   */
  public static Device of(Backend backend) {
    return new Device(backend);
  }

  private static int parseIndex(String selector, String index) {
    try {
      return Integer.parseUnsignedInt(index);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "Device: '" + selector + "' must be a name or name:index, such as cpu or cuda:0", e);
    }
  }

  private static List<BackendProvider> providers() {
    List<BackendProvider> found = new ArrayList<>();
    ServiceLoader.load(BackendProvider.class, BackendProvider.class.getClassLoader())
        .forEach(found::add);
    found.sort(Comparator.comparingInt(BackendProvider::rank).reversed());
    return found;
  }

  private static BackendProvider best() {
    return providers().stream()
        .filter(provider -> provider.unusableReason().isEmpty())
        .findFirst()
        .orElseThrow(
            () -> new BackendUnavailableException("Device: no backend is on the module path"));
  }

  private static BackendProvider named(String name) {
    List<BackendProvider> all = providers();
    for (BackendProvider provider : all) {
      if (provider.name().equals(name)) {
        Optional<String> reason = provider.unusableReason();
        if (reason.isPresent()) {
          throw new BackendUnavailableException("Device: " + name + ": " + reason.get());
        }
        return provider;
      }
    }
    String known = all.stream().map(BackendProvider::name).collect(Collectors.joining(", "));
    throw new BackendUnavailableException(
        "Device: there is no device '" + name + "' here; known: " + known + ", auto");
  }

  /**
   * Returns the name of the kind, such as {@code cpu}.
   *
   * @return the name
   */
  public String name() {
    return backend.name();
  }

  /**
   * Returns the name of the kernels in use, such as {@code scalar} or {@code vector-512}.
   *
   * @return the name
   */
  public String kernels() {
    return backend.kernels();
  }

  /**
   * Returns what runs here in words: device, kernels, vector width, threads.
   *
   * @return one line
   */
  public String describe() {
    return backend.describe();
  }

  /**
   * Opens a scope whose operations record no gradients.
   *
   * @return the scope, to be closed by the caller
   */
  public Scope openScope() {
    return Scope.open(this, false);
  }

  /**
   * Opens a scope that records what {@link Tensor#backward()} needs.
   *
   * @return the scope, to be closed by the caller
   */
  public Scope openGradientScope() {
    return Scope.open(this, true);
  }

  /**
   * Returns up to how many rows {@link LinearOp} gives each row the bits that it gives it alone.
   *
   * @return the number of rows, positive
   */
  public int batchInvariantRows() {
    return backend.matmul().batchInvariantRows();
  }

  /**
   * Returns how many tokens of a prompt are read at once here. It does not change while the device
   * is open, since what is read depends on how it is cut, to the bit.
   *
   * @return tokens, positive
   */
  public int pieceLength() {
    return backend.pieceLength();
  }

  /**
   * Allocates host memory to which tensors are read fastest.
   *
   * @param bytes size, positive
   * @param arena how long it lives
   * @return the memory
   */
  public MemorySegment hostMemory(long bytes, Arena arena) {
    return backend.hostMemory(bytes, arena);
  }

  /**
   * Returns whether activations can have a type here; see {@link Scope#activations}.
   *
   * @param activations the type
   * @return true if they can; {@link DType#F32} always
   */
  public boolean computesIn(DType activations) {
    return backend.computesIn(activations);
  }

  Backend backend() {
    return backend;
  }

  /** Ends the threads and frees all memory of this device; its tensors are dead from here on. */
  @Override
  public void close() {
    backend.close();
  }

  @Override
  public String toString() {
    return describe();
  }
}
