package io.github.mamba4j.examples.lm;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
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
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      CreateSampleCommand.class,
      TrainCommand.class,
      GenerateCommand.class,
      EvaluateCommand.class,
      InfoCommand.class,
      VerifyCommand.class,
      ConvertCommand.class
    },
    footer = {
      "",
      "Exit codes: 0 success, 1 a failed check or a problem at run time, 2 bad options or input,",
      "130 stopped by Ctrl-C."
    })
public final class MambaCli implements Runnable {
  @Spec private CommandSpec spec;

  /** Creates the command; picocli fills it in. */
  public MambaCli() {}

  /**
   * Runs the command and ends the JVM with its exit code: 0 for success, 1 for a failed check or a
   * problem at run time, 2 for bad options or input.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    if (System.getProperty("java.util.logging.SimpleFormatter.format") == null) {
      System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s: %5$s%n");
    }
    System.setProperty("java.awt.headless", "true");
    System.exit(
        commandLine()
            .setOut(utf8(FileDescriptor.out))
            .setErr(utf8(FileDescriptor.err))
            .execute(args));
  }

  private static PrintWriter utf8(FileDescriptor descriptor) {
    return new PrintWriter(
        new OutputStreamWriter(new FileOutputStream(descriptor), StandardCharsets.UTF_8), true);
  }

  /**
   * Returns a new command line that is ready to execute.
   *
   * @return the command line, writing to the standard streams until told otherwise
   */
  static CommandLine commandLine() {
    ErrorReport errors = new ErrorReport();
    return new CommandLine(new MambaCli())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(errors)
        .setExecutionExceptionHandler(errors);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command given");
  }
}
