package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.io.Serial;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A file that is damaged, hostile or not of the expected format.
 *
 * <p>The message is one line that names the file, the entry or position, what was expected and what
 * was found. Failures of the device itself (disk full, permission) stay plain {@link IOException}s.
 */
public class CheckpointException extends IOException {

  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message one line: file, entry, expected, found
   */
  public CheckpointException(String message) {
    super(message);
  }

  /**
   * Creates the exception with the failure that revealed it.
   *
   * @param message one line: file, entry, expected, found
   * @param cause the parser's or decoder's own exception
   */
  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }

  /** One line about a file: its name, then the formatted reason. */
  static CheckpointException of(String source, String reason, @Nullable Object... values) {
    return new CheckpointException(source + ": " + String.format(Locale.ROOT, reason, values));
  }

  /**
   * Makes text from a file fit into a one-line message: control characters become {@code ?} and
   * long text is cut.
   */
  static String printable(String text) {
    int limit = 80;
    StringBuilder line = new StringBuilder(Math.min(text.length(), limit) + 3);
    for (int i = 0; i < text.length() && i < limit; i++) {
      char c = text.charAt(i);
      boolean lineBreak = c == '\u2028' || c == '\u2029';
      line.append(Character.isISOControl(c) || Character.isSurrogate(c) || lineBreak ? '?' : c);
    }
    return text.length() > limit ? line.append("...").toString() : line.toString();
  }
}
