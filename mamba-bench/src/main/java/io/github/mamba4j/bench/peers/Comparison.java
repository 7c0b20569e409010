package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.peers.ContestantProcess.Place;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Compares Mamba4J with other libraries, in turn, on one machine. Writes {@code results.json} and
 * {@code results.md}, anew after each cell.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/peers/peers.jar --works matmul,scan --threads 1,2 --out results
 * }</pre>
 */
public final class Comparison {
  private final PeerOptions options;
  private final Results results;
  private final boolean wide;
  private final List<String> failures = new ArrayList<>();

  private Comparison(PeerOptions options, Results results) throws IOException {
    wide = Host.hasInstructions("avx512f");
    this.options = options;
    this.results = results;
  }

  private static Map<String, Work> works() {
    Map<String, Work> works = new LinkedHashMap<>();
    works.put("matmul", new MatmulWork());
    works.put("scan", new ScanWork());
    works.put("training", new TrainingWork());
    works.put("decode", new ModelWork(Task.DECODE));
    works.put("prefill", new ModelWork(Task.PREFILL));
    works.put("startup", new ModelWork(Task.START));
    return works;
  }

  /**
   * Compares.
   *
   * @param args see {@link PeerOptions}
   */
  public static void main(String[] args) {
    try {
      PeerOptions options = PeerOptions.parse(List.copyOf(works().keySet()), args);
      Comparison comparison = new Comparison(options, new Results(options.out(), List.of(args)));
      comparison.run();
      if (!comparison.failures.isEmpty()) {
        fail("peers: not all was measured: " + String.join("; ", comparison.failures));
      }
    } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
      fail(String.valueOf(e.getMessage()));
    }
  }

  @SuppressWarnings("SystemExitOutsideMain") // part of main
  private static void fail(String message) {
    Host.err().println(message);
    System.exit(1);
  }

  private void run() throws IOException {
    for (Map.Entry<String, Work> one : works().entrySet()) {
      String name = one.getKey();
      Work work = one.getValue();
      if (!options.works().contains(name)) {
        continue;
      }
      work.makeFiles(options);
      for (int threads : options.threads()) {
        try {
          measure(name, work, threads);
        } catch (IllegalStateException e) {
          String failure = name + " on " + threads + " threads: " + e.getMessage();
          Host.err().println(failure);
          failures.add(failure);
        }
      }
    }
    Host.out().print(results.table());
  }

  private boolean enters(Entry entry) {
    if (entry.role() != Entry.Role.VARIANT) {
      return true;
    }
    // Where vectors are not longer, the variant with vectors of 256 bits is nothing else.
    return options.variants() && (!entry.isNarrow() || wide);
  }

  private void measure(String name, Work work, int threads) throws IOException {
    Host.err().println(name + ", threads " + threads);
    Place place = Place.of(options, name, work, threads);
    List<Entry> entries = work.entries(options).stream().filter(this::enters).toList();
    double steady = options.steadyPercent() / 100.0;
    Group group = new Group(entries, place, options.rounds(), steady);
    Consumer<Map<String, Object>> take =
        cell -> {
          results.add(name, cell);
          Host.err().println(ResultTable.line(cell));
        };
    if (work.cold()) {
      group.measureCold(work.cells(options), take);
    } else {
      group.measure(work.cells(options), take);
    }
  }
}
