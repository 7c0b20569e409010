package io.github.mamba4j.examples.lm;

import java.io.Serial;
import java.util.function.Supplier;

/** Something that the user gave cannot be used; the message says in one line what to do. */
final class BadInputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  BadInputException(String message) {
    super(message);
  }

  BadInputException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * Runs what applies options; the library refuses wrong values with messages fit for users.
   *
   * @param work applies options
   * @return its result
   * @throws BadInputException if a value is refused
   */
  static <T> T refused(Supplier<T> work) {
    try {
      return work.get();
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new BadInputException(String.valueOf(e.getMessage()), e);
    }
  }
}
