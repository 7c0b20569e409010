package io.github.mamba4j.tensor;

import java.io.Serial;

/**
 * Thrown when an argument has another shape than an operation expects.
 *
 * <p>The message is one line that names the operation, the argument, its shape, and the expected
 * shape with names and numbers.
 */
public class ShapeMismatchException extends IllegalArgumentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message the whole message, as in {@code selectiveScan: z has shape [2, 16, 32], expected
   *     [batch, length, dInner] = [2, 16, 64] (from u)}
   */
  public ShapeMismatchException(String message) {
    super(message);
  }
}
