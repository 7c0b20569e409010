package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.peers.Entry.Role;
import io.github.mamba4j.bench.peers.Work.Cell;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Results as Markdown: a table for each work. */
final class ResultTable {
  private static final String NOTHING = "–";

  private ResultTable() {}

  /**
   * Returns the tables, below what was compared and where.
   *
   * @param results what {@link Results} writes
   * @throws CheckpointException if something is missing
   */
  static String of(JsonObject results) throws CheckpointException {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.join(
            "; ",
            results.requireString("date"),
            results.requireString("processor"),
            results.requireString("os"),
            results.requireString("jvm")));
    lines.add("");
    lines.add("Arguments: `" + String.join(" ", results.requireStrings("arguments")) + "`");
    Map<String, List<Row>> works = new LinkedHashMap<>();
    for (Object cell : results.requireList("cells")) {
      Row row = new Row(JsonObject.of("cell", cell));
      works.computeIfAbsent(row.json.requireString("work"), _ -> new ArrayList<>()).add(row);
    }
    for (Map.Entry<String, List<Row>> work : works.entrySet()) {
      add(work.getKey(), work.getValue(), lines);
    }
    return String.join("\n", lines) + "\n";
  }

  private static void add(String work, List<Row> rows, List<String> lines)
      throws CheckpointException {
    Set<String> names = new LinkedHashSet<>();
    for (Row row : rows) {
      names.addAll(row.contestants.keySet());
    }
    lines.addAll(List.of("", "## " + work, ""));
    lines.add(
        "| cell | threads | unit | "
            + String.join(" | ", names)
            + " | ours / best peer | ours of its bound | FMA, GFLOP/s | read, GB/s |");
    lines.add("|---|--:|---|" + "--:|".repeat(names.size() + 4));
    for (Row row : rows) {
      lines.add(row.rates(names));
    }
    addMemory(rows, names, lines);
    addNotes(rows, lines);
  }

  private static void addMemory(List<Row> rows, Set<String> names, List<String> lines)
      throws CheckpointException {
    List<String> memory = new ArrayList<>();
    for (Row row : rows) {
      if (row.knowsMemory()) {
        memory.add(row.memory(names));
      }
    }
    if (memory.isEmpty()) {
      return;
    }
    lines.add("");
    lines.add(
        "| peak memory, MB | threads | " + String.join(" | ", names) + " | fastest peer / ours |");
    lines.add("|---|--:|" + "--:|".repeat(names.size() + 1));
    lines.addAll(memory);
  }

  private static void addNotes(List<Row> rows, List<String> lines) throws CheckpointException {
    Set<String> notes = new LinkedHashSet<>();
    for (Row row : rows) {
      for (Map.Entry<String, JsonObject> one : row.contestants.entrySet()) {
        notes.add("- " + one.getKey() + ": " + one.getValue().objectOrEmpty("is").members());
      }
      for (Map.Entry<String, @Nullable Object> skipped :
          row.json.objectOrEmpty(ContestantMain.SKIPPED).members().entrySet()) {
        notes.add(
            "- "
                + row.json.requireString("cell")
                + " without "
                + skipped.getKey()
                + ": "
                + skipped.getValue());
      }
    }
    lines.add("");
    lines.addAll(notes);
  }

  /** Returns a cell's figures in one line, for the terminal. */
  static String line(Map<String, Object> cell) {
    try {
      Row row = new Row(JsonObject.of("cell", Json.parse("cell", Json.formatCompact(cell))));
      StringBuilder line = new StringBuilder(row.json.requireString("cell"));
      line.append(", threads ").append(row.json.requireInt("threads")).append(": ");
      for (String name : row.contestants.keySet()) {
        line.append(name).append(' ').append(row.figure(name)).append("; ");
      }
      line.append(row.json.requireString("unit"));
      return line.toString();
    } catch (CheckpointException e) {
      throw new IllegalStateException(e);
    }
  }

  /** One cell. */
  private static final class Row {
    private final JsonObject json;
    private final Map<String, JsonObject> contestants = new LinkedHashMap<>();

    Row(JsonObject json) throws CheckpointException {
      this.json = json;
      for (Object one : json.requireList("contestants")) {
        JsonObject contestant = JsonObject.of("contestant", one);
        contestants.put(contestant.requireString("name"), contestant);
      }
    }

    private @Nullable JsonObject first(Role role) throws CheckpointException {
      for (JsonObject one : contestants.values()) {
        if (one.requireString("role").equals(role.name())) {
          return one;
        }
      }
      return null;
    }

    /** Returns the fastest of the other libraries, null if none has a figure. */
    private @Nullable JsonObject bestPeer() throws CheckpointException {
      JsonObject best = null;
      for (JsonObject one : contestants.values()) {
        boolean peer = one.requireString("role").equals(Role.PEER.name());
        if (peer && (best == null || !(median(one) >= median(best))) && one.has("median")) {
          best = one;
        }
      }
      return best;
    }

    private static double median(@Nullable JsonObject contestant) throws CheckpointException {
      return contestant == null ? Double.NaN : contestant.doubleOr("median", Double.NaN);
    }

    String rates(Set<String> names) throws CheckpointException {
      List<String> columns = new ArrayList<>();
      columns.add(json.requireString("cell"));
      columns.add(Integer.toString(json.requireInt("threads")));
      columns.add(json.requireString("unit"));
      for (String name : names) {
        columns.add(figure(name));
      }
      double ours = median(first(Role.OURS));
      columns.add(number("%.2f", median(bestPeer()) / ours));
      columns.add(number("%.0f %%", 100 * boundSeconds() / ours));
      columns.add(number("%.1f", json.requireDouble("flopsPerSecond") * 1e-9));
      columns.add(number("%.1f", json.requireDouble("readBytesPerSecond") * 1e-9));
      return "| " + String.join(" | ", columns) + " |";
    }

    /** Returns the seconds that the machine's ceiling allows, NaN if no bound is known. */
    private double boundSeconds() throws CheckpointException {
      JsonObject ours = first(Role.OURS);
      if (ours == null) {
        return Double.NaN;
      }
      JsonObject facts = ours.objectOrEmpty(ContestantMain.FACTS);
      double flops = facts.doubleOr(Trial.BOUND_FLOPS, Double.NaN);
      return Double.isNaN(flops)
          ? facts.doubleOr(Trial.BOUND_BYTES, Double.NaN) / json.requireDouble("readBytesPerSecond")
          : flops / json.requireDouble("flopsPerSecond");
    }

    /** Returns median, lowest and highest in the cell's unit. */
    private String figure(String name) throws CheckpointException {
      JsonObject one = contestants.get(name);
      if (one == null) {
        return NOTHING;
      }
      String samples = one.requireInt("kept") + " of " + one.requireInt("taken");
      if (!one.has("median")) {
        return NOTHING + " (" + samples + ")";
      }
      double low = inUnit(one.requireDouble("low"));
      double high = inUnit(one.requireDouble("high"));
      return String.format(
          Locale.ROOT,
          "%s (%s to %s; %s)",
          digits(inUnit(median(one))),
          digits(Math.min(low, high)),
          digits(Math.max(low, high)),
          samples);
    }

    private double inUnit(double seconds) throws CheckpointException {
      return json.requireString("unit").equals(Cell.MILLIS)
          ? seconds * 1e3
          : json.requireDouble("amount") / seconds;
    }

    private static String digits(double value) {
      int decimals = value >= 1000 ? 0 : value >= 10 ? 1 : 2;
      return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    private static String number(String format, double value) {
      return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : NOTHING;
    }

    private static double peak(@Nullable JsonObject one) throws CheckpointException {
      return one == null
          ? Double.NaN
          : one.objectOrEmpty(ContestantMain.FACTS).doubleOr(Trial.PEAK_BYTES, Double.NaN);
    }

    boolean knowsMemory() throws CheckpointException {
      return !Double.isNaN(peak(first(Role.OURS)));
    }

    String memory(Set<String> names) throws CheckpointException {
      List<String> columns = new ArrayList<>();
      columns.add(json.requireString("cell"));
      columns.add(Integer.toString(json.requireInt("threads")));
      for (String name : names) {
        columns.add(number("%.1f", peak(contestants.get(name)) * 1e-6));
      }
      columns.add(number("%.1f", peak(bestPeer()) / peak(first(Role.OURS))));
      return "| " + String.join(" | ", columns) + " |";
    }
  }
}
