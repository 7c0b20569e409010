package io.github.mamba4j.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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

  /**
   * Makes the exception for a file that cannot be read.
   *
   * @param file the file
   * @param cause why
   * @return the exception
   */
  public static DataException cannotRead(Path file, IOException cause) {
    return new DataException(file + ": cannot be read (" + reason(cause) + ")", cause);
  }

  /**
   * Makes the exception for a file that cannot be written.
   *
   * @param file the file
   * @param cause why
   * @return the exception
   */
  public static DataException cannotWrite(Path file, IOException cause) {
    return new DataException(file + ": cannot be written (" + reason(cause) + ")", cause);
  }

  private static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file";
      case AccessDeniedException _ -> "access denied";
      case FileSystemLoopException _ -> "a loop of links";
      case FileSystemException f when f.getReason() != null -> f.getReason();
      default -> {
        String message = e.getMessage();
        yield message == null ? e.getClass().getSimpleName() : message;
      }
    };
  }
}
