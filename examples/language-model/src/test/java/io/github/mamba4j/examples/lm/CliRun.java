package io.github.mamba4j.examples.lm;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * What a command line did.
 *
 * @param code its exit code
 * @param out what it wrote to standard output
 * @param err what it wrote to standard error
 */
record CliRun(int code, String out, String err) {
  static CliRun of(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        MambaCli.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(args);
    return new CliRun(code, out.toString(), err.toString());
  }

  /** Trains a model that is as small as can be, with more options. */
  static CliRun train(String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--d-model=8",
                "--n-layers=1",
                "--d-state=2",
                "--batch-size=2",
                "--max-length=8",
                "--threads=1",
                "--progress=plain"));
    args.addAll(List.of(more));
    return of(args.toArray(String[]::new));
  }

  List<String> errLines() {
    return err.lines().toList();
  }
}
