package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.peers.Contestant.Setting;
import io.github.mamba4j.checkpoint.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The process of a {@link Contestant}. It reads commands, one a line, and answers each with a line
 * that starts with {@link #MARK} and goes on with JSON; other lines are what libraries print.
 *
 * <ul>
 *   <li>At its start it says what it is.
 *   <li>{@code prepare CELL}: makes a piece of work ready, warms it up, and answers with {@code
 *       values} that all must agree on and {@code facts}, or with {@code skipped} and a reason.
 *   <li>{@code run}: does the work once more than counts, unless that takes seconds, because others
 *       had the caches since the last run; then for {@link Trial#sampleSeconds}, at least once, and
 *       answers with the mean {@code seconds} of one time.
 *   <li>The end of the input ends it.
 * </ul>
 *
 * An {@code error} answers a command that failed. With a cell as its last argument it does that
 * cell's work once, cold and on no processor in particular, and ends.
 */
final class ContestantMain {
  /** What a line that is an answer starts with. */
  static final String MARK = "> ";

  static final String PREPARE = "prepare ";
  static final String RUN = "run";
  static final String SECONDS = "seconds";

  /** How many processors the process used on average, all its threads together. */
  static final String PROCESSORS = "processors";

  static final String VALUES = "values";
  static final String FACTS = "facts";
  static final String SKIPPED = "skipped";
  static final String ERROR = "error";

  private static final int COLD_ARGUMENTS = 6;

  /** Work that takes longer than this, in seconds, is not done once more before a run. */
  private static final double LONG = 5;

  private final Contestant contestant;
  private final double warmUpSeconds;
  private @Nullable Trial trial;
  private int times;
  private boolean isLong;

  private ContestantMain(Contestant contestant, double warmUpSeconds) {
    this.contestant = contestant;
    this.warmUpSeconds = warmUpSeconds;
  }

  /**
   * Serves.
   *
   * @param args the contestant's class, threads, processors, seconds to warm up, folder of files
   */
  @SuppressWarnings("SystemOut") // libraries' own output must not look like an answer
  public static void main(String[] args) {
    PrintStream answers = Host.out();
    System.setOut(Host.err());
    int status = 0;
    try {
      Setting setting = new Setting(Integer.parseInt(args[1]), Path.of(args[4]));
      if (args.length == COLD_ARGUMENTS) {
        answer(answers, cold(args[0], setting, args[5]));
      } else {
        LinuxCalls.pin(Cores.parse(args[2]));
        Contestant contestant = create(args[0], setting);
        answer(answers, contestant.describe());
        new ContestantMain(contestant, Double.parseDouble(args[3])).serve(answers);
      }
    } catch (IOException | RuntimeException | Error e) {
      answer(answers, error(e));
      status = 1;
    }
    // Some libraries have threads that never end.
    Runtime.getRuntime().halt(status);
  }

  private static Map<String, Object> cold(String name, Setting setting, String cell)
      throws IOException {
    Trial trial = create(name, setting).prepare(cell);
    double seconds = trial.seconds();
    return Map.of(SECONDS, seconds, VALUES, list(trial.values()));
  }

  private static Contestant create(String name, Setting setting) {
    try {
      return Class.forName(name)
          .asSubclass(Contestant.class)
          .getDeclaredConstructor(Setting.class)
          .newInstance(setting);
    } catch (ClassNotFoundException e) {
      throw new UnsupportedOperationException("not built, use -Ppeers: " + e.getMessage(), e);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(String.valueOf(e.getCause()), e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("no contestant: " + name, e);
    }
  }

  private void serve(PrintStream answers) throws IOException {
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      try {
        answer(answers, line.equals(RUN) ? run() : prepare(line.substring(PREPARE.length())));
      } catch (IOException | RuntimeException | Error e) {
        answer(answers, error(e));
      }
    }
    closeTrial();
    contestant.close();
  }

  private void closeTrial() {
    if (trial != null) {
      trial.close();
      trial = null;
    }
  }

  private Map<String, Object> prepare(String cell) throws IOException {
    closeTrial();
    Trial ready = contestant.prepare(cell);
    trial = ready;
    double[] values = ready.values();
    double last = Trial.time(ready::seconds);
    long start = System.nanoTime();
    while ((System.nanoTime() - start) * 1e-9 < warmUpSeconds) {
      last = Trial.time(ready::seconds);
    }
    isLong = last > LONG;
    times = Math.clamp(Math.round(ready.sampleSeconds() / last), 1, 1 << 20);
    Map<String, Object> facts = new LinkedHashMap<>(ready.facts());
    facts.put("timesPerSample", times);
    return Map.of(VALUES, list(values), FACTS, facts);
  }

  private Map<String, Object> run() {
    Trial ready = trial;
    if (ready == null) {
      throw new IllegalStateException("nothing is prepared");
    }
    if (!isLong) {
      ready.seconds();
    }
    long start = System.nanoTime();
    long cpuStart = LinuxCalls.cpuNanos();
    double sum = 0;
    for (int i = 0; i < times; i++) {
      sum += ready.seconds();
    }
    double cpu = LinuxCalls.cpuNanos() - cpuStart;
    return Map.of(SECONDS, sum / times, PROCESSORS, cpu / (System.nanoTime() - start));
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static Map<String, Object> error(Throwable e) {
    e.printStackTrace(Host.err());
    return e instanceof UnsupportedOperationException
        ? Map.of(SKIPPED, String.valueOf(e.getMessage()))
        : Map.of(ERROR, e instanceof IllegalStateException ? e.getMessage() : e.toString());
  }

  private static void answer(PrintStream answers, Map<String, Object> json) {
    answers.println(MARK + Json.formatCompact(json));
  }
}
