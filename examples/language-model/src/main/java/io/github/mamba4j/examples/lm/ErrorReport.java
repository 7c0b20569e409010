package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.data.DataException;
import io.github.mamba4j.spi.BackendUnavailableException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Turns every failure into one line and an exit code. */
final class ErrorReport implements IExecutionExceptionHandler, IParameterExceptionHandler {
  /** Exit code of a failed check or a problem at run time. */
  static final int FAILED = 1;

  /** Exit code of a bad command line or bad input. */
  static final int BAD_INPUT = CommandLine.ExitCode.USAGE;

  /** Exit code of a run that was stopped by Ctrl-C. */
  static final int INTERRUPTED = 130;

  @Override
  public int handleParseException(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    command
        .getErr()
        .println(
            name + ": " + oneLine(String.valueOf(e.getMessage())) + "; see " + name + " --help");
    return BAD_INPUT;
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult all) {
    Throwable cause =
        e instanceof UncheckedIOException unchecked && unchecked.getCause() != null
            ? unchecked.getCause()
            : e;
    String name = command.getCommandSpec().qualifiedName();
    command.getErr().println(name + ": " + message(cause));
    if (command.getParseResult().hasMatchedOption("--verbose")) {
      cause.printStackTrace(command.getErr());
    }
    return code(cause);
  }

  private static int code(Throwable cause) {
    boolean input =
        cause instanceof BadInputException
            || cause instanceof DataException
            || cause instanceof CheckpointException
            || cause instanceof BackendUnavailableException;
    return input ? BAD_INPUT : FAILED;
  }

  /** Some exceptions of the JDK have a message that only their class explains. */
  private static String message(Throwable cause) {
    if (cause instanceof NoSuchFileException missing) {
      return missing.getFile() + ": no such file or folder";
    }
    if (cause instanceof AccessDeniedException denied) {
      return denied.getFile() + ": no permission";
    }
    if (cause instanceof FileSystemException file && file.getReason() != null) {
      return file.getFile() + ": " + oneLine(file.getReason());
    }
    String message = cause.getMessage();
    return message == null || message.isBlank()
        ? "failed with " + cause.getClass().getName() + "; --verbose shows where"
        : oneLine(message);
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
