package io.github.mamba4j.spi;

/** Thrown when a device or kernel family that was named cannot run here; the message says why. */
public final class BackendUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message device, reason and remedy in one line
   */
  public BackendUnavailableException(String message) {
    super(message);
  }
}
