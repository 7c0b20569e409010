package io.github.mamba4j.data;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A text, tokenizer or token file that cannot be used as it is.
 *
 * <p>The message is one line: the file, the place in it (line, byte offset or key), what was found,
 * what was expected and what to do about it. It is fit to be shown to a user alone.
 */
public class DataException extends IOException {

  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line: file, place, found, expected, remedy
   */
  public DataException(String message) {
    super(message);
  }

  /**
   * Makes an exception with its cause.
   *
   * @param message one line: file, place, found, expected, remedy
   * @param cause what made it happen
   */
  public DataException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
