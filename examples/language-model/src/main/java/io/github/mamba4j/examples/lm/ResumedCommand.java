package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Turns the options of a run into text and back, so that a run can go on with its own options. */
final class ResumedCommand {
  /** Options whose change would make the checkpoint meaningless, though nothing else notices. */
  private static final List<String> FIXED = List.of("--tokenizer", "--vocab-size", "--seed");

  private ResumedCommand() {}

  /** Returns the options of a command that make its run what it is, by name. */
  static Map<String, String> options(SubCommand command) {
    Map<String, String> options = new LinkedHashMap<>();
    for (OptionSpec option : command.spec().options()) {
      Object value = option.getValue();
      if (value != null && !TrainCommand.notOfTheRun().contains(option.longestName())) {
        boolean path = value instanceof Path;
        options.put(
            name(option),
            path ? ((Path) value).toAbsolutePath().normalize().toString() : value.toString());
      }
    }
    return options;
  }

  /**
   * Makes the command that goes on with a run.
   *
   * @param given the command as given, whose options win
   * @param resume the run's output folder, or a checkpoint in it
   * @throws BadInputException if there is no checkpoint, or an option contradicts it
   */
  static TrainCommand of(TrainCommand given, Path resume) throws IOException {
    Path checkpoint = find(resume);
    CommandLine.ParseResult line = given.spec().commandLine().getParseResult();
    for (String fixed : FIXED) {
      if (line.hasMatchedOption(fixed)) {
        throw new BadInputException(
            fixed + " cannot be changed with --resume; leave it out, or start a new run");
      }
    }
    List<String> args = new ArrayList<>();
    RunFile.read(checkpoint)
        .options()
        .forEach((name, value) -> {
          if (!line.hasMatchedOption(name)) {
            args.add(name + "=" + value);
          }
        });
    for (OptionSpec option : line.matchedOptions()) {
      if (!name(option).equals("--resume")) {
        args.addAll(asGiven(option));
      }
    }
    if (!line.hasMatchedOption("--output-dir")) {
      args.add("--output-dir=" + checkpoint.toAbsolutePath().normalize().getParent());
    }
    TrainCommand resumed = new TrainCommand();
    new CommandLine(resumed)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(given.out())
        .setErr(given.err())
        .parseArgs(args.toArray(String[]::new));
    resumed.resumeFrom(checkpoint);
    return resumed;
  }

  private static List<String> asGiven(OptionSpec option) {
    if (option.typeInfo().isBoolean()) {
      return List.of(name(option) + "=" + option.getValue());
    }
    return option.originalStringValues().stream().map(value -> name(option) + "=" + value).toList();
  }

  private static String name(OptionSpec option) {
    return option.names()[0].startsWith("--") ? option.names()[0] : option.longestName();
  }

  private static Path find(Path resume) throws IOException {
    for (Path candidate : List.of(resume, resume.resolve(ModelFolder.LAST))) {
      AtomicFiles.recoverDirectory(candidate);
      if (Files.exists(candidate.resolve(RunFile.NAME))) {
        return candidate;
      }
    }
    throw new BadInputException(
        String.format(
            Locale.ROOT,
            "--resume %s: holds no checkpoint, expected an output folder with '%s' or a checkpoint",
            resume,
            ModelFolder.LAST));
  }
}
