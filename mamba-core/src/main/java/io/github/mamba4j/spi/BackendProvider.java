package io.github.mamba4j.spi;

import java.util.Optional;

/**
 * Makes backends of one kind; found through {@link java.util.ServiceLoader}.
 *
 * <p>Asking whether it is usable has no effect and loads no more than it must.
 */
public interface BackendProvider {
  /**
   * The user's wishes for a backend.
   *
   * @param index which device of the kind, from 0
   * @param threads CPU threads to compute with, positive
   * @param kernels a kernel family that must be used ({@code scalar}, {@code vector}), or {@code
   *     auto}
   */
  record Options(int index, int threads, String kernels) {}

  /**
   * Returns the name that users select this kind by, such as {@code cpu} or {@code cuda}.
   *
   * @return the name, lower case
   */
  String name();

  /**
   * Returns how much this kind is to be preferred when nothing was named.
   *
   * @return the rank; the largest usable one wins; the CPU's is 0
   */
  int rank();

  /**
   * Returns why this kind cannot be used on this machine.
   *
   * @return the reason and the remedy in a sentence, or empty if it can be used
   */
  Optional<String> unusableReason();

  /**
   * Opens a backend.
   *
   * @param options the user's wishes
   * @return the backend, to be closed by the caller
   * @throws BackendUnavailableException if the wishes cannot be met
   */
  Backend open(Options options);
}
