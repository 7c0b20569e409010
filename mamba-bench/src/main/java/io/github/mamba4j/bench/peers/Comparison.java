package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.peers.ContestantProcess.Place;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
  private final List<String> failures = new ArrayList<>();

  private Comparison(PeerOptions options, Results results) {
    this.options = options;
    this.results = results;
  }

  private static Map<String, Work> works() {
    Map<String, Work> works = new LinkedHashMap<>();
    works.put("matmul", new MatmulWork());
    works.put("scan", new ScanWork());
    works.put("training", new TrainingWork());
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
    for (String name : options.works()) {
      Work work = works().get(name);
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

  private void measure(String name, Work work, int threads) throws IOException {
    double warmUp = options.warmUpSeconds().orElse(work.warmUpSeconds());
    Place place =
        new Place(
            threads,
            Cores.choose(threads),
            warmUp,
            options.files(),
            options.out().resolve("logs").resolve(name + "-" + threads));
    List<Entry> entries =
        work.entries(options).stream()
            .filter(entry -> options.variants() || entry.role() != Entry.Role.VARIANT)
            .toList();
    double steady = options.steadyPercent() / 100.0;
    new Group(entries, place, options.rounds(), steady)
        .measure(
            work.cells(options),
            cell -> {
              results.add(name, cell);
              Host.err().println(ResultTable.line(name, cell));
            });
  }
}
