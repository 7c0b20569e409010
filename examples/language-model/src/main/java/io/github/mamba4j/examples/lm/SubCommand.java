package io.github.mamba4j.examples.lm;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What all subcommands have in common. */
abstract class SubCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this text and end.")
  @SuppressWarnings("UnusedVariable") // picocli looks at it
  private boolean help;

  @Option(names = "--verbose", description = "Say more; show the stack trace of an error.")
  private boolean verbose;

  @Override
  public final Integer call() throws Exception {
    try {
      return run();
    } catch (OutOfMemoryError e) {
      throw new IllegalStateException(
          "out of memory ("
              + e.getMessage()
              + "); use a smaller --batch-size, --max-length or model, or MAMBA_OPTS=-Xmx...",
          e);
    }
  }

  /**
   * Does what the command is for.
   *
   * @return the exit code
   * @throws Exception what {@link ErrorReport} turns into one line
   */
  abstract int run() throws Exception;

  final CommandSpec spec() {
    return spec;
  }

  final PrintWriter out() {
    return spec.commandLine().getOut();
  }

  final PrintWriter err() {
    return spec.commandLine().getErr();
  }

  final boolean verbose() {
    return verbose;
  }
}
