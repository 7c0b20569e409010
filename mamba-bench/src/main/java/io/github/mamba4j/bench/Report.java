package io.github.mamba4j.bench;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns results of JMH ({@code -rf json -rff FILE}) into the Markdown table of the README: what was
 * measured, the median of all iterations of all forks, the lowest and the highest, the share of the
 * machine's ceiling where one of the files has {@link MachineBenchmark} with as many threads, and
 * the heap memory of a call where {@code -prof gc} was on.
 *
 * <p>To be run on the machine that the results are from, whose processor it names:
 *
 * <pre>{@code
 * java -cp mamba-bench/target/benchmarks.jar io.github.mamba4j.bench.Report DATE results.json...
 * }</pre>
 */
public final class Report {
  private static final String USAGE =
      "Report: expected a date and at least one file of JMH's JSON results, got ";
  private static final String ALLOCATED = "gc.alloc.rate.norm";
  private static final String PEAK_FLOPS = "MachineBenchmark.fusedMultiplyAdd";
  private static final String PEAK_READ = "MachineBenchmark.read";

  /** The metrics that are shown, in this order; the others of a result are left out. */
  private enum Metric {
    FLOPS("flops", "GFLOP/s", 1e9, PEAK_FLOPS),
    TOKENS("tokens", "tokens/s", 1, null),
    READS("readBytes", "GB/s", 1e9, PEAK_READ),
    TEXT("bytes", "MB/s", 1e6, null),
    TIME("milliseconds", "ms/call", 1, null),
    RESERVED("reservedBytesPerToken", "bytes held/token", 1, null);

    private final String key;
    private final String unit;
    private final double scale;
    private final @Nullable String ceiling;

    Metric(String key, String unit, double scale, @Nullable String ceiling) {
      this.key = key;
      this.unit = unit;
      this.scale = scale;
      this.ceiling = ceiling;
    }
  }

  /** Who has one of these needs no time a call beside it. */
  private static final Set<Metric> RATES =
      EnumSet.of(Metric.FLOPS, Metric.TOKENS, Metric.READS, Metric.TEXT);

  /**
   * One benchmark with one set of parameters.
   *
   * @param name class and method
   * @param parameters names and values
   * @param threads threads that computed
   * @param jvm name and version of the virtual machine
   * @param samples the iterations' values of each metric, ascending
   */
  private record Result(
      String name,
      Map<String, String> parameters,
      int threads,
      String jvm,
      Map<String, double[]> samples) {}

  private final List<Result> results = new ArrayList<>();

  private Report() {}

  /**
   * Prints the table.
   *
   * @param args the date, then the files
   */
  public static void main(String[] args) {
    PrintStream out = Host.out();
    if (args.length < 2) {
      fail(USAGE + args.length + " arguments");
      return;
    }
    try {
      List<Path> files = Arrays.stream(args).skip(1).map(Path::of).toList();
      out.print(table(args[0], Host.processor(), files));
    } catch (IOException e) {
      fail("Report: " + e.getMessage());
    }
  }

  @SuppressWarnings("SystemExitOutsideMain") // part of main
  private static void fail(String message) {
    Host.err().println(message);
    System.exit(1);
  }

  /** Returns the table of some files, with a line on machine, JVM and date above it. */
  static String table(String date, String processor, List<Path> files) throws IOException {
    Report report = new Report();
    for (Path file : files) {
      report.read(file);
    }
    Set<String> jvms = new LinkedHashSet<>();
    report.results.forEach(result -> jvms.add(result.jvm));
    StringBuilder text = new StringBuilder();
    text.append(processor).append("; ").append(String.join(", ", jvms));
    text.append("; ").append(date).append(".\n\n");
    text.append("| Benchmark | Parameters | Threads | Median | Lowest to highest | Unit");
    text.append(" | Of the machine's ceiling | Heap bytes/call |\n");
    text.append("|---|---|--:|--:|--:|---|--:|--:|\n");
    for (Result result : report.results) {
      for (Metric metric : Metric.values()) {
        report.row(result, metric, text);
      }
    }
    return text.toString();
  }

  private void row(Result result, Metric metric, StringBuilder text) {
    double[] samples = result.samples.get(metric.key);
    if (samples == null) {
      return;
    }
    String parameters =
        result.parameters.entrySet().stream()
            .map(entry -> entry.getKey() + " " + entry.getValue())
            .collect(Collectors.joining(", "));
    String range =
        number(samples[0] / metric.scale)
            + " to "
            + number(samples[samples.length - 1] / metric.scale);
    List<String> cells =
        List.of(
            result.name,
            parameters,
            Integer.toString(result.threads),
            number(median(samples) / metric.scale),
            range,
            metric.unit,
            share(result, metric, median(samples)),
            allocated(result));
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  /** Returns the heap memory of one call, if JMH's gc profiler was on. */
  private static String allocated(Result result) {
    double[] samples = result.samples.get(ALLOCATED);
    return samples == null ? "" : number(median(samples));
  }

  /** Returns the share of what the machine does at most with as many threads, if that is known. */
  private String share(Result result, Metric metric, double value) {
    if (metric.ceiling == null || result.name.equals(metric.ceiling)) {
      return "";
    }
    for (Result ceiling : results) {
      double[] samples = ceiling.samples.get(metric.key);
      if (ceiling.name.equals(metric.ceiling)
          && ceiling.threads == result.threads
          && samples != null) {
        return String.format(Locale.ROOT, "%.0f %%", 100 * value / median(samples));
      }
    }
    return "";
  }

  private static double median(double[] sorted) {
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** Formats with three significant digits, or without a fraction from 100 on. */
  private static String number(double value) {
    double size = Math.abs(value);
    int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    return String.format(Locale.ROOT, "%,." + digits + "f", value);
  }

  private void read(Path file) throws IOException {
    if (!(Json.read(file) instanceof List<?> entries)) {
      throw new CheckpointException(file + ": is no list, expected the results of JMH as JSON");
    }
    for (Object entry : entries) {
      results.add(result(file.toString(), JsonObject.of(file.toString(), entry)));
    }
  }

  private static Result result(String file, JsonObject entry) throws CheckpointException {
    String[] path = entry.requireString("benchmark").split("\\.", -1);
    String name = path[path.length - 2] + "." + path[path.length - 1];
    Map<String, String> parameters = new TreeMap<>();
    entry
        .objectOrEmpty("params")
        .members()
        .forEach((key, value) -> parameters.put(key, String.valueOf(value)));
    String threads = parameters.remove("threads");
    Map<String, double[]> samples = new LinkedHashMap<>();
    JsonObject secondary = entry.requireObject("secondaryMetrics");
    for (String key : secondary.members().keySet()) {
      // Some profilers' metrics begin with a middle dot in versions of JMH.
      samples.put(key.replace("\u00b7", ""), samples(file, secondary.requireObject(key)));
    }
    if (RATES.stream().noneMatch(metric -> samples.containsKey(metric.key))) {
      double[] times = samples(file, entry.requireObject("primaryMetric"));
      Arrays.setAll(times, i -> 1000 / times[i]);
      Arrays.sort(times);
      samples.put(Metric.TIME.key, times);
    }
    return new Result(
        name,
        parameters,
        threads == null ? entry.requireInt("threads") : Integer.parseInt(threads),
        entry.requireString("vmName") + " " + entry.requireString("vmVersion"),
        samples);
  }

  private static double[] samples(String file, JsonObject metric) throws CheckpointException {
    Object forks = metric.members().get("rawData");
    double factor = perSecond(metric.requireString("scoreUnit"));
    double[] samples =
        flatten(forks).mapToDouble(value -> value.doubleValue() * factor).sorted().toArray();
    if (samples.length == 0) {
      throw new CheckpointException(file + ": a metric has no rawData, expected that of JMH 1.37");
    }
    return samples;
  }

  /** Returns by what rates are multiplied to be rates a second; 1 for what is no rate. */
  private static double perSecond(String unit) {
    return switch (unit) {
      case "ops/ns" -> 1e9;
      case "ops/us" -> 1e6;
      case "ops/ms" -> 1e3;
      default -> 1;
    };
  }

  private static Stream<Number> flatten(@Nullable Object value) {
    if (value instanceof List<?> values) {
      return values.stream().flatMap(Report::flatten);
    }
    return value instanceof Number number ? Stream.of(number) : Stream.empty();
  }
}
