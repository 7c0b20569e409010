package io.github.mamba4j.examples.lm;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

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

  /** Trains a model that is as small as can be; of an option given twice the last one counts. */
  static CliRun train(String... more) {
    Map<String, String> options = new LinkedHashMap<>();
    String tiny =
        "--d-model=8 --n-layers=1 --d-state=2 --batch-size=2 --max-length=8 --threads=1"
            + " --progress=plain";
    Stream.concat(Stream.of(tiny.split(" ")), Stream.of(more))
        .forEach(option -> options.put(option.replaceAll("=.*", ""), option));
    return of(Stream.concat(Stream.of("train"), options.values().stream()).toArray(String[]::new));
  }

  List<String> errLines() {
    return err.lines().toList();
  }
}
