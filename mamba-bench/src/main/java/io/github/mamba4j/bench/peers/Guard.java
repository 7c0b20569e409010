package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.bench.peers.ContestantProcess.Place;
import io.github.mamba4j.bench.peers.Entry.Role;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.StoredType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Compares two builds of Mamba4J, in turn, and fails where the new one is slower than the old one.
 *
 * <pre>{@code
 * java -cp mamba-bench/target/benchmarks.jar io.github.mamba4j.bench.peers.Guard \
 *     --old ../old/mamba-core/target/mamba-core-0.1.0-SNAPSHOT.jar \
 *     --new mamba-core/target/mamba-core-0.1.0-SNAPSHOT.jar --threads 1,2
 * }</pre>
 */
public final class Guard {
  private static final String OLD = "old";
  private static final String NEW = "new";
  private static final List<String> NAMES =
      List.of(
          "--old",
          "--new",
          "--works",
          "--threads",
          "--rounds",
          "--steady",
          "--clock",
          "--warm-up",
          "--threshold",
          "--files",
          "--out");
  private static final String USAGE =
      "--old CLASSPATH --new CLASSPATH --works matmul,scan,training,decode --threads 1 --rounds 7"
          + " --steady 90 --clock wall --warm-up SECONDS --threshold 95 --files FOLDER --out FOLDER"
          + " (these are the defaults; the folder is target/guard)";

  private final PeerOptions options;
  private final String oldClasses;
  private final String newClasses;
  private final double threshold;

  private Guard(Map<String, String> values) {
    oldClasses = required(values, "--old");
    newClasses = required(values, "--new");
    threshold = Arguments.percent("--threshold", values.getOrDefault("--threshold", "95")) / 100.0;
    Path out = Path.of(values.getOrDefault("--out", "target/guard"));
    options =
        new PeerOptions(
            Arguments.choices(
                "--works", values.getOrDefault("--works", "matmul,scan,training,decode"), names()),
            Arguments.positives("--threads", values.getOrDefault("--threads", "1")),
            List.of(PublishedModel.MAMBA_130M),
            List.of(StoredType.F32, StoredType.Q8_0),
            Arguments.positive("--rounds", values.getOrDefault("--rounds", "7")),
            Arguments.percent("--steady", values.getOrDefault("--steady", "90")),
            Arguments.choice("--clock", values.getOrDefault("--clock", "wall"), PeerOptions.CLOCKS),
            values.containsKey("--warm-up")
                ? OptionalInt.of(Arguments.positive("--warm-up", values.get("--warm-up")))
                : OptionalInt.empty(),
            false,
            Optional.empty(),
            Optional.empty(),
            values.containsKey("--files") ? Path.of(values.get("--files")) : out.resolve("files"),
            out);
  }

  private static String required(Map<String, String> values, String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("guard: no " + name + ", expected " + USAGE);
    }
    return value;
  }

  private static Map<String, Work> works() {
    Map<String, Work> works = new LinkedHashMap<>();
    works.put("matmul", new MatmulWork());
    works.put("scan", new ScanWork());
    works.put("training", new TrainingWork());
    works.put("decode", new ModelWork(Task.DECODE));
    return works;
  }

  private static Map<String, String> names() {
    Map<String, String> names = new LinkedHashMap<>();
    works().keySet().forEach(name -> names.put(name, name));
    return names;
  }

  /**
   * Compares; ends with status 1 if a ratio is below the threshold or is not known.
   *
   * @param args class paths and how to measure
   */
  public static void main(String[] args) {
    try {
      Guard guard = new Guard(Arguments.read(NAMES, USAGE, args));
      List<GuardVerdict> verdicts = guard.run(new Results(guard.options.out(), List.of(args)));
      Host.out().print(GuardVerdict.table(verdicts));
      long slower = verdicts.stream().filter(verdict -> !verdict.holds()).count();
      if (slower > 0) {
        fail("guard: " + slower + " of " + verdicts.size() + " are below the threshold");
      }
    } catch (IOException
        | UncheckedIOException
        | IllegalArgumentException
        | IllegalStateException e) {
      fail(String.valueOf(e.getMessage()));
    }
  }

  @SuppressWarnings("SystemExitOutsideMain") // part of main
  private static void fail(String message) {
    Host.err().println(message);
    System.exit(1);
  }

  private List<GuardVerdict> run(Results results) throws IOException {
    List<GuardVerdict> verdicts = new ArrayList<>();
    for (Map.Entry<String, Work> one : works().entrySet()) {
      if (!options.works().contains(one.getKey())) {
        continue;
      }
      one.getValue().makeFiles(options);
      for (int threads : options.threads()) {
        Place place = Place.of(options, one.getKey(), one.getValue(), threads);
        Entry ours = one.getValue().entries(options).getFirst();
        List<Entry> both =
            List.of(
                ours.named(NEW).before(newClasses),
                ours.named(OLD).before(oldClasses).in(Role.PEER));
        new Group(both, place, options.rounds(), options.steadyPercent() / 100.0)
            .measure(
                one.getValue().cells(options),
                cell -> {
                  results.add(one.getKey(), cell);
                  Host.err().println(ResultTable.line(cell));
                  verdicts.add(verdict(one.getKey(), cell));
                });
      }
    }
    return verdicts;
  }

  private GuardVerdict verdict(String work, Map<String, Object> cell) {
    try {
      JsonObject json = JsonObject.of("cell", Json.parse("cell", Json.formatCompact(cell)));
      return GuardVerdict.of(work, json, OLD, NEW, threshold);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
