package io.github.mamba4j.bench.peers;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How much faster a new build is than an old one at one cell.
 *
 * @param cell what was done
 * @param ratio the times of the old one over those of the new one, taken one after the other
 * @param threshold the median below which the new one counts as slower
 */
record GuardVerdict(String cell, Figure ratio, double threshold) {
  /**
   * Judges a cell.
   *
   * @param work its work
   * @param cell what {@link Group} gives, with all samples
   * @param old the name of the old build's contestant
   * @param now the name of the new build's
   * @param threshold the ratio below which the new one counts as slower
   * @throws CheckpointException if something is missing
   */
  static GuardVerdict of(String work, JsonObject cell, String old, String now, double threshold)
      throws CheckpointException {
    double[] before = {};
    double[] after = {};
    for (Object one : cell.requireList("contestants")) {
      JsonObject contestant = JsonObject.of("contestant", one);
      String name = contestant.requireString("name");
      if (name.equals(old)) {
        before = seconds(contestant);
      } else if (name.equals(now)) {
        after = seconds(contestant);
      }
    }
    double[] ratios = new double[Math.min(before.length, after.length)];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = before[i] / after[i];
    }
    String name =
        work + " " + cell.requireString("cell") + ", threads " + cell.requireInt("threads");
    return new GuardVerdict(name, Figure.of(ratios), threshold);
  }

  private static double[] seconds(JsonObject contestant) throws CheckpointException {
    List<Double> seconds = new ArrayList<>();
    for (Object sample : contestant.requireList("samples")) {
      seconds.add(JsonObject.of("sample", sample).requireDouble("seconds"));
    }
    return seconds.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Returns whether the new build is at least as fast as the threshold asks; false if unknown. */
  boolean holds() {
    return ratio.median() >= threshold;
  }

  /** Returns a Markdown table. */
  static String table(List<GuardVerdict> verdicts) {
    StringBuilder table = new StringBuilder("| cell | new / old | lowest to highest | |\n");
    table.append("|---|--:|--:|---|\n");
    for (GuardVerdict verdict : verdicts) {
      Figure ratio = verdict.ratio;
      String range =
          ratio.kept().isEmpty()
              ? "–"
              : String.format(
                  Locale.ROOT, "%.3f to %.3f", ratio.kept().getFirst(), ratio.kept().getLast());
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %.3f | %s | %s |%n",
              verdict.cell,
              ratio.median(),
              range,
              verdict.holds() ? "" : "below " + verdict.threshold));
    }
    return table.toString();
  }
}
