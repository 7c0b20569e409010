package io.github.mamba4j.examples.lm;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code mamba} command; everything it does is in its subcommands. */
@Command(
    name = "mamba",
    description = "Trains, evaluates and samples Mamba language models.",
    mixinStandardHelpOptions = true,
    versionProvider = MambaVersion.class,
    synopsisSubcommandLabel = "COMMAND")
public final class MambaCli implements Runnable {
  @Spec private CommandSpec spec;

  /** Creates the command; picocli fills it in. */
  public MambaCli() {}

  /**
   * Runs the command and ends the JVM with its exit code: 0 for success, 2 for a bad command line.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  /**
   * Returns a new command line that is ready to execute.
   *
   * @return the command line, writing to the standard streams until told otherwise
   */
  static CommandLine commandLine() {
    return new CommandLine(new MambaCli());
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "mamba: no command given");
  }
}
