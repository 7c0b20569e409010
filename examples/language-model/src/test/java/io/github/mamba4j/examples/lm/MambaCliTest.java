package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MambaCliTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void help_asked_printsUsageAndSucceeds() {
    assertThat(execute("--help")).isZero();
    assertThat(out.toString()).startsWith("Usage: mamba ").contains("--version");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void version_asked_printsProgramAndJava() {
    assertThat(execute("--version")).isZero();
    assertThat(out.toString().lines()).hasSize(2);
    assertThat(out.toString()).startsWith("mamba ").contains("Java " + Runtime.version());
  }

  @Test
  void commandLine_withoutCommand_isUsageError() {
    assertThat(execute()).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString()).startsWith("mamba: no command given");
  }

  @Test
  void commandLine_unknownOption_isUsageError() {
    assertThat(execute("--nonsense")).isEqualTo(CommandLine.ExitCode.USAGE);
    assertThat(err.toString()).contains("--nonsense");
  }

  private int execute(String... args) {
    return MambaCli.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(args);
  }
}
