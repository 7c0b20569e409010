package io.github.mamba4j.bench.peers;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The results of a comparison as Markdown. */
final class PeerTable {
  private static final String OURS = "mamba4j";
  private static final String NOTHING = "–";

  private PeerTable() {}

  /**
   * Returns a table of the figures, one of the machine's ceilings, and what was compared above
   * them.
   *
   * @param cells what {@code LlamaCell} wrote, with the same peers
   * @throws CheckpointException if something is missing
   */
  static String of(List<JsonObject> cells) throws CheckpointException {
    Set<String> machines = new LinkedHashSet<>();
    Set<String> peers = new LinkedHashSet<>();
    for (JsonObject cell : cells) {
      machines.add(
          String.join(
              "; ",
              cell.requireString("processor"),
              cell.requireString("os"),
              cell.requireString("jvm"),
              "kernels " + cell.requireString("kernels"),
              cell.requireString("peer")));
      peers.addAll(cell.requireObject("decode").members().keySet());
    }
    peers.remove(OURS);
    List<String> lines = new ArrayList<>(machines);
    lines.add("");
    lines.add(
        "| model | file | threads | work | mamba4j | "
            + String.join(" | ", peers)
            + " | mamba4j / best peer | mamba4j of its bound |");
    lines.add("|---|---|--:|---|--:|" + "--:|".repeat(peers.size()) + "--:|--:|");
    for (JsonObject cell : cells) {
      lines.add(row(cell, "decode", peers));
      lines.add(row(cell, "prefill", peers));
    }
    lines.add("");
    lines.add(
        "Tokens a second: median (lowest to highest; samples kept of those taken). Bounds: decode,"
            + " read bandwidth / bytes of weights a token; prefill, time of the matrix products"
            + " alone.");
    lines.add("");
    lines.add(
        "| model | file | threads, processors | weights as mamba4j keeps them"
            + " | read, ordinary pages | read, huge pages | FMA | products of a prompt"
            + " | logits differ by, prompt; steps |");
    lines.add("|---|---|---|---|--:|--:|--:|--:|--:|");
    for (JsonObject cell : cells) {
      lines.add(ceilings(cell));
    }
    return String.join("\n", lines) + "\n";
  }

  private static String row(JsonObject cell, String work, Set<String> peers)
      throws CheckpointException {
    JsonObject figures = cell.requireObject(work);
    double ours = median(figures.requireObject(OURS));
    double best = Double.NaN;
    List<String> columns = start(cell);
    columns.add(Integer.toString(cell.requireInt("threads")));
    columns.add(work.equals("decode") ? "decode" : "prefill of 512");
    columns.add(figure(figures.requireObject(OURS)));
    for (String peer : peers) {
      JsonObject theirs = figures.requireObject(peer);
      columns.add(figure(theirs));
      best = Double.isNaN(best) ? median(theirs) : Math.max(best, orLow(median(theirs)));
    }
    columns.add(ratio(ours / best));
    double bound = work.equals("decode") ? decodeBound(cell) : prefillBound(cell);
    columns.add(percent(ours / bound));
    return "| " + String.join(" | ", columns) + " |";
  }

  private static double orLow(double rate) {
    return Double.isNaN(rate) ? 0 : rate;
  }

  /** Returns tokens a second if reading weights, at the better of the two rates, were all. */
  static double decodeBound(JsonObject cell) throws CheckpointException {
    double ordinary = median(cell.requireObject("readBytesPerSecond"));
    double huge = median(cell.requireObject("readHugeBytesPerSecond"));
    return Math.max(ordinary, orLow(huge)) / cell.requireDouble("weightBytes");
  }

  /** Returns tokens a second if matrix products, at the rate they have alone, were all. */
  static double prefillBound(JsonObject cell) throws CheckpointException {
    double rate = median(cell.requireObject("matmulFlopsPerSecond"));
    return cell.requireInt("prefillTokens") * rate / cell.requireDouble("prefillFlops");
  }

  private static String ceilings(JsonObject cell) throws CheckpointException {
    List<String> columns = start(cell);
    columns.add(cell.requireInt("threads") + ": " + cell.requireList("cpus"));
    columns.add(
        String.format(
            Locale.ROOT,
            "%s, %.0f MB",
            cell.requireString("weightType"),
            cell.requireDouble("weightBytes") / 1e6));
    columns.add(giga(median(cell.requireObject("readBytesPerSecond")), "GB/s"));
    columns.add(giga(median(cell.requireObject("readHugeBytesPerSecond")), "GB/s"));
    columns.add(giga(cell.requireDouble("flopsPerSecond"), "GFLOP/s"));
    columns.add(giga(median(cell.requireObject("matmulFlopsPerSecond")), "GFLOP/s"));
    JsonObject agreement = cell.requireObject("agreement");
    columns.add(
        String.format(
            Locale.ROOT,
            "%.1e; %.1e",
            agreement.requireDouble("prompt"),
            agreement.requireDouble("steps")));
    return "| " + String.join(" | ", columns) + " |";
  }

  private static List<String> start(JsonObject cell) throws CheckpointException {
    return new ArrayList<>(List.of(cell.requireString("model"), cell.requireString("weights")));
  }

  private static double median(JsonObject figure) throws CheckpointException {
    return figure.doubleOr("median", Double.NaN);
  }

  private static String figure(JsonObject figure) throws CheckpointException {
    String samples = figure.requireInt("kept") + " of " + figure.requireInt("taken");
    if (!figure.has("median")) {
      return NOTHING + " (" + samples + ")";
    }
    return String.format(
        Locale.ROOT,
        "%.1f (%.1f to %.1f; %s)",
        median(figure),
        figure.requireDouble("low"),
        figure.requireDouble("high"),
        samples);
  }

  private static String ratio(double value) {
    return Double.isNaN(value) ? NOTHING : String.format(Locale.ROOT, "%.2f", value);
  }

  private static String percent(double value) {
    return Double.isNaN(value) ? NOTHING : String.format(Locale.ROOT, "%.0f %%", 100 * value);
  }

  private static String giga(double value, String unit) {
    return Double.isNaN(value) ? NOTHING : String.format(Locale.ROOT, "%.1f %s", value / 1e9, unit);
  }
}
