package io.github.mamba4j.examples.lm;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.ModelVerifier;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Compares a model's numbers with those of another implementation. */
@Command(
    name = "verify",
    description = {
      "Compares a model with what another implementation computed from the same weights.",
      "The file is safetensors with input_ids [batch, length] and any of logits, hidden.i, loss,",
      "grad.NAME and greedy_ids. Differences are relative to the tensor's largest value."
    })
final class VerifyCommand extends SubCommand {
  private static final String GRADIENT = "grad.";
  private static final String IDS = "greedy_ids";

  @Option(
      names = "--model",
      paramLabel = "PATH",
      required = true,
      description = "Folder with config.json and weights, or a GGUF file.")
  private Path model;

  @Option(
      names = "--expected",
      paramLabel = "FILE",
      required = true,
      description = "Safetensors file with the expected numbers.")
  private Path expected;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      defaultValue = "1e-5",
      description = {
        "Largest relative difference of logits, hidden states and the loss",
        "(default: ${DEFAULT-VALUE})."
      })
  private double tolerance;

  @Option(
      names = "--grad-tolerance",
      paramLabel = "X",
      defaultValue = "1e-4",
      description = "Largest relative difference of gradients (default: ${DEFAULT-VALUE}).")
  private double gradTolerance;

  @Mixin private DeviceOptions deviceOptions;

  @Override
  int run() throws IOException {
    requireNotNegative("--tolerance", tolerance);
    requireNotNegative("--grad-tolerance", gradTolerance);
    if (!Files.isRegularFile(expected)) {
      throw new BadInputException(
          "--expected "
              + expected
              + (Files.isDirectory(expected)
                  ? ": is a folder, expected a file"
                  : ": no such file"));
    }
    ModelFolder folder = ModelFolder.find(model);
    try (Device device = deviceOptions.open();
        MambaModel loaded = folder.load(device, Precision.F32)) {
      out().println(device.describe());
      return report(ModelVerifier.compare(loaded, expected));
    }
  }

  private static void requireNotNegative(String option, double value) {
    if (!(value >= 0)) {
      throw new BadInputException(option + " must not be negative, got " + value);
    }
  }

  private int report(List<ModelVerifier.Difference> differences) {
    int width =
        differences.stream().mapToInt(difference -> difference.name().length()).max().orElse(6);
    String row = "%-" + Math.max(6, width) + "s %12s %12s %12s %12s  %s%n";
    out().print(Text.format(row, "tensor", "elements", "max abs", "max rel", "tolerance", ""));
    int failed = 0;
    for (ModelVerifier.Difference difference : differences) {
      double limit = limit(difference.name());
      boolean within = difference.within(limit);
      failed += within ? 0 : 1;
      out()
          .print(
              Text.format(
                  row,
                  difference.name(),
                  Text.format("%,d", difference.elements()),
                  Text.format("%.3e", difference.maxAbsolute()),
                  Text.format("%.3e", difference.maxRelative()),
                  limit == 0 ? "equal" : Text.format("%.0e", limit),
                  within ? "ok" : "FAIL"));
    }
    out().flush();
    if (failed > 0) {
      err()
          .println(
              String.format(
                  Locale.ROOT,
                  "%s: %d of %d tensors are beyond the tolerance",
                  spec().qualifiedName(),
                  failed,
                  differences.size()));
      return ErrorReport.FAILED;
    }
    out().println("all " + differences.size() + " tensors agree");
    return 0;
  }

  /** Token ids have to be equal: for them the difference is the share that differs. */
  private double limit(String name) {
    if (name.equals(IDS)) {
      return 0;
    }
    return name.startsWith(GRADIENT) ? gradTolerance : tolerance;
  }
}
