package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Agreement;
import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.peers.ContestantProcess.Place;
import io.github.mamba4j.bench.peers.ContestantProcess.Skipped;
import io.github.mamba4j.bench.peers.Entry.Role;
import io.github.mamba4j.bench.peers.Work.Cell;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/** One work on one number of threads: a process a contestant, which take turns at each cell. */
final class Group {
  private static final Entry MACHINE = Entry.ours(Machine.class).named("machine");
  private static final int READS = 5;

  private final Place place;
  private final int rounds;
  private final double steady;
  private final List<Entry> entries;
  private final Map<String, String> reasons = new LinkedHashMap<>();
  private final List<ContestantProcess> running = new ArrayList<>();

  /** The name of a cell of cold starts, where the clock starts with the process. */
  static final String FROM_PROCESS = ", from the start of the process";

  /** The name of a cell of cold starts, where the clock starts with the main method. */
  static final String FROM_MAIN = ", from main";

  /**
   * Prepares.
   *
   * @param entries the contestants, ours first
   * @param place where their processes run
   * @param rounds samples wanted of each
   * @param steady the share of the usual arithmetic rate below which a sample is dropped, in [0, 1]
   */
  Group(List<Entry> entries, Place place, int rounds, double steady) {
    this.entries = entries;
    this.place = place;
    this.rounds = rounds;
    this.steady = steady;
  }

  /**
   * Measures.
   *
   * @param cells what to do
   * @param results takes the results of each cell, as JSON, as soon as there are some
   * @throws IllegalStateException if the first contestant fails, or results do not agree
   */
  void measure(List<Cell> cells, Consumer<Map<String, Object>> results) throws IOException {
    double before = readBytesPerSecond();
    try (ContestantProcess machine = new ContestantProcess(MACHINE, place)) {
      machine.prepare(Machine.FMA);
      startAll();
      for (Cell cell : cells) {
        Map<String, Object> json = measure(cell, machine);
        json.put("readBytesPerSecond", before);
        results.accept(json);
      }
    } finally {
      running.forEach(ContestantProcess::close);
      running.clear();
    }
  }

  /** Returns the better of the medians of ordinary and of huge pages. */
  private double readBytesPerSecond() throws IOException {
    double best = 0;
    try (ContestantProcess reader = new ContestantProcess(MACHINE, place)) {
      for (String cell : List.of(Machine.READ, Machine.READ_HUGE)) {
        try {
          reader.prepare(cell);
        } catch (Skipped e) {
          continue;
        }
        double[] seconds = new double[READS];
        for (int i = 0; i < READS; i++) {
          seconds[i] = reader.run();
        }
        best = Math.max(best, 1 / Figure.of(seconds).median());
      }
    }
    return best;
  }

  /**
   * Measures works that are done once by a process that starts for it.
   *
   * @param cells what to do
   * @param results takes the results of each cell, as JSON: the times since the process was
   *     started, then those since its main method
   * @throws IllegalStateException if one fails, or results do not agree
   */
  void measureCold(List<Cell> cells, Consumer<Map<String, Object>> results) throws IOException {
    double before = readBytesPerSecond();
    try (ContestantProcess machine = new ContestantProcess(MACHINE, place)) {
      machine.prepare(Machine.FMA);
      for (Cell cell : cells) {
        for (Map<String, Object> json : measureCold(cell, machine)) {
          json.put("readBytesPerSecond", before);
          results.accept(json);
        }
      }
    }
  }

  private List<Map<String, Object>> measureCold(Cell cell, ContestantProcess machine) {
    Map<String, String> why = new LinkedHashMap<>();
    Map<Entry, double[]> able = new LinkedHashMap<>();
    for (Entry entry : entries) {
      try {
        able.put(entry, cold(entry, cell).values());
      } catch (Skipped e) {
        why.put(entry.name(), String.valueOf(e.getMessage()));
      } catch (IllegalStateException e) {
        failed(entry, e, why);
      }
    }
    Map<String, double[]> values = new LinkedHashMap<>();
    able.forEach((entry, own) -> values.put(entry.name(), own));
    compare(cell, values);
    Interleaved measured = interleaved(machine);
    Map<String, List<Double>> sinceMain = new LinkedHashMap<>();
    Map<String, DoubleSupplier> works = new LinkedHashMap<>();
    for (Entry entry : able.keySet()) {
      List<Double> own = sinceMain.computeIfAbsent(entry.name(), _ -> new ArrayList<>());
      works.put(
          entry.name(),
          () -> {
            ContestantProcess.Cold once = cold(entry, cell);
            own.add(once.sinceMain());
            return once.sinceStart();
          });
    }
    measured.run(works);
    Map<String, Object> sinceStart = head(cell, cell.name() + FROM_PROCESS, measured);
    Map<String, Object> later = head(cell, cell.name() + FROM_MAIN, measured);
    List<Object> first = new ArrayList<>();
    List<Object> second = new ArrayList<>();
    for (Entry entry : able.keySet()) {
      first.add(figures(entry, Map.of(), Map.of(), measured.json(entry.name())));
      double[] own =
          sinceMain.getOrDefault(entry.name(), List.of()).stream()
              .mapToDouble(Double::doubleValue)
              .toArray();
      second.add(figures(entry, Map.of(), Map.of(), Figure.of(own).json()));
    }
    return List.of(tail(sinceStart, first, why), tail(later, second, why));
  }

  private ContestantProcess.Cold cold(Entry entry, Cell cell) {
    try {
      return ContestantProcess.cold(entry, place, cell.name());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Interleaved interleaved(ContestantProcess machine) {
    return new Interleaved(this::awaitQuiet, () -> 1 / machine.run(), rounds, steady);
  }

  private void startAll() throws IOException {
    for (Entry entry : entries) {
      try {
        running.add(new ContestantProcess(entry, place));
      } catch (Skipped e) {
        reasons.put(entry.name(), String.valueOf(e.getMessage()));
      } catch (IllegalStateException e) {
        failed(entry, e, reasons);
      }
    }
  }

  /** Another library that fails is left out and said to have failed; we must not fail. */
  private static void failed(Entry entry, IllegalStateException e, Map<String, String> why) {
    if (entry.role() == Role.OURS) {
      throw e;
    }
    Host.err().println(e.getMessage());
    why.put(entry.name(), "failed: " + e.getMessage());
  }

  private Map<String, Object> measure(Cell cell, ContestantProcess machine) {
    Map<String, String> why = new LinkedHashMap<>(reasons);
    Map<ContestantProcess, JsonObject> ready = new LinkedHashMap<>();
    for (ContestantProcess process : running) {
      try {
        awaitQuiet();
        ready.put(process, process.prepare(cell.name()));
      } catch (Skipped e) {
        why.put(process.entry().name(), String.valueOf(e.getMessage()));
      } catch (IllegalStateException e) {
        failed(process.entry(), e, why);
      }
    }
    Interleaved measured = interleaved(machine);
    Map<String, DoubleSupplier> works = new LinkedHashMap<>();
    ready.keySet().forEach(process -> works.put(process.entry().name(), process::run));
    try {
      Map<String, double[]> values = new LinkedHashMap<>();
      for (Map.Entry<ContestantProcess, JsonObject> one : ready.entrySet()) {
        double[] own = one.getValue().requireDoubles(ContestantMain.VALUES);
        values.put(one.getKey().entry().name(), own);
      }
      compare(cell, values);
      measured.run(works);
      List<Object> contestants = new ArrayList<>();
      for (Map.Entry<ContestantProcess, JsonObject> one : ready.entrySet()) {
        Entry entry = one.getKey().entry();
        contestants.add(
            figures(
                entry,
                one.getKey().description().members(),
                one.getValue().objectOrEmpty(ContestantMain.FACTS).members(),
                measured.json(entry.name())));
      }
      return tail(head(cell, cell.name(), measured), contestants, why);
    } catch (CheckpointException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitQuiet() {
    Quiet.await(running);
  }

  /**
   * Throws if what contestants computed is not the same.
   *
   * @param values of each; nothing where there is only text, or a check in its own process
   */
  static void compare(Cell cell, Map<String, double[]> values) {
    String first = "";
    double[] expected = {};
    for (Map.Entry<String, double[]> other : values.entrySet()) {
      double[] own = other.getValue();
      String name = other.getKey();
      if (own.length == 0) {
        continue;
      }
      if (first.isEmpty()) {
        first = name;
        expected = own;
      } else if (own.length != expected.length) {
        throw new IllegalStateException(
            name + " has " + own.length + " values, " + first + " has " + expected.length);
      } else {
        String what = cell.name() + " of " + name + " and of " + first;
        Agreement.check(what, own, expected, cell.tolerance());
      }
    }
  }

  private Map<String, Object> head(Cell cell, String name, Interleaved measured) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("cell", name);
    json.put("threads", place.threads());
    json.put("cpus", place.cpus());
    json.put("unit", cell.unit());
    json.put("amount", cell.amount());
    json.put("flopsPerSecond", measured.usual());
    return json;
  }

  private static Map<String, Object> figures(
      Entry entry,
      Map<String, @Nullable Object> is,
      Map<String, @Nullable Object> facts,
      Map<String, Object> measured) {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("name", entry.name());
    figures.put("role", entry.role().name());
    figures.put("jvmFlags", entry.jvmFlags());
    figures.put("environment", entry.environment());
    figures.put("is", is);
    figures.put(ContestantMain.FACTS, facts);
    figures.putAll(measured);
    return figures;
  }

  private static Map<String, Object> tail(
      Map<String, Object> json, List<Object> contestants, Map<String, String> why) {
    json.put("contestants", contestants);
    json.put(ContestantMain.SKIPPED, why);
    return json;
  }
}
