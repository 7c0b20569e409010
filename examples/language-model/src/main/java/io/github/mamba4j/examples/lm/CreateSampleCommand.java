package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Writes texts to train a first model on. */
@Command(
    name = "create-sample",
    description = "Writes Japanese, English and Python texts and a CSV file to train on.")
final class CreateSampleCommand extends SubCommand {
  private static final String INDEX = "sample_data.index";

  @Option(
      names = {"--data-dir", "--output-dir"},
      paramLabel = "DIR",
      defaultValue = "sample_data",
      description = "Folder to write to (default: ${DEFAULT-VALUE}).")
  private Path folder;

  @Option(
      names = "--force",
      description = "Write into a folder that has files; those of the same names are replaced.")
  private boolean force;

  @Override
  int run() throws IOException {
    OutputFolder.requireWritable("--data-dir", folder);
    List<String> names = names();
    if (OutputFolder.isEmpty(folder)) {
      AtomicFiles.replaceDirectory(folder, fresh -> writeAll(names, fresh));
    } else if (force) {
      writeAll(names, folder);
    } else {
      throw new BadInputException(
          folder
              + ": has files already; --force replaces those of the sample, or name another"
              + " folder with --data-dir");
    }
    long bytes = 0;
    for (String name : names) {
      bytes += Files.size(folder.resolve(name));
    }
    out().printf(Locale.ROOT, "%s: %d files, %,d bytes%n", folder, names.size(), bytes);
    out().printf(Locale.ROOT, "next: mamba train --data-dir %s%n", folder);
    return 0;
  }

  /** Returns the names of the files, below the folder. */
  static List<String> names() throws IOException {
    try (InputStream in = resource(INDEX)) {
      String index = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      try (Stream<String> lines = index.lines()) {
        return lines.toList();
      }
    }
  }

  private static void writeAll(List<String> names, Path target) throws IOException {
    for (String name : names) {
      try (InputStream in = resource("sample_data/" + name)) {
        AtomicFiles.writeFile(target.resolve(name), in::transferTo);
      }
    }
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = CreateSampleCommand.class.getResourceAsStream(name);
    if (in == null) {
      throw new FileNotFoundException("the program's jar has no " + name);
    }
    return in;
  }
}
