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
    Interleaved measured =
        new Interleaved(this::awaitQuiet, () -> 1 / machine.run(), rounds, steady);
    Map<String, DoubleSupplier> works = new LinkedHashMap<>();
    ready.keySet().forEach(process -> works.put(process.entry().name(), process::run));
    try {
      compare(cell, ready);
      measured.run(works);
      return json(cell, ready, measured, why);
    } catch (CheckpointException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitQuiet() {
    Quiet.await(running);
  }

  /** Throws if what the contestants computed is not the same. */
  private static void compare(Cell cell, Map<ContestantProcess, JsonObject> ready)
      throws CheckpointException {
    String first = "";
    double[] expected = {};
    for (Map.Entry<ContestantProcess, JsonObject> other : ready.entrySet()) {
      double[] values = other.getValue().requireDoubles(ContestantMain.VALUES);
      String name = other.getKey().entry().name();
      if (first.isEmpty()) {
        first = name;
        expected = values;
      } else if (values.length != expected.length) {
        throw new IllegalStateException(
            name + " has " + values.length + " values, " + first + " has " + expected.length);
      } else {
        String what = cell.name() + " of " + name + " and of " + first;
        Agreement.check(what, values, expected, cell.tolerance());
      }
    }
  }

  private Map<String, Object> json(
      Cell cell,
      Map<ContestantProcess, JsonObject> ready,
      Interleaved measured,
      Map<String, String> why)
      throws CheckpointException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("cell", cell.name());
    json.put("threads", place.threads());
    json.put("cpus", place.cpus());
    json.put("unit", cell.unit());
    json.put("amount", cell.amount());
    json.put("flopsPerSecond", ready.isEmpty() ? 0 : measured.usual());
    List<Object> contestants = new ArrayList<>();
    for (Map.Entry<ContestantProcess, JsonObject> one : ready.entrySet()) {
      Entry entry = one.getKey().entry();
      Map<String, Object> figures = new LinkedHashMap<>();
      figures.put("name", entry.name());
      figures.put("role", entry.role().name());
      figures.put("jvmFlags", entry.jvmFlags());
      figures.put("environment", entry.environment());
      figures.put("is", one.getKey().description().members());
      figures.put(
          ContestantMain.FACTS, one.getValue().objectOrEmpty(ContestantMain.FACTS).members());
      figures.putAll(measured.json(entry.name()));
      contestants.add(figures);
    }
    json.put("contestants", contestants);
    json.put(ContestantMain.SKIPPED, why);
    return json;
  }
}
