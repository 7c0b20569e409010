package io.github.mamba4j.bench.peers;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The parent's end of a contestant's process, see {@link ContestantMain}. */
final class ContestantProcess implements AutoCloseable {
  private static final long MAX_MINUTES = 30;
  private static final String END = "";

  /**
   * Where processes run and what they leave.
   *
   * @param threads how many compute
   * @param cpuClock whether times are those that the processors worked, see {@link PeerOptions}
   * @param cpus on which processors
   * @param warmUpSeconds how long they run before they are measured
   * @param files folder of the model files and unpacked libraries
   * @param logs folder of what they print
   */
  record Place(
      int threads,
      boolean cpuClock,
      List<Integer> cpus,
      double warmUpSeconds,
      Path files,
      Path logs) {
    /** Returns where the processes of a work run. */
    static Place of(PeerOptions options, String name, Work work, int threads) throws IOException {
      return new Place(
          threads,
          options.cpuClock(),
          Cores.choose(threads),
          options.warmUpSeconds().orElse(work.warmUpSeconds()),
          options.files(),
          options.out().resolve("logs").resolve(name + "-" + threads));
    }
  }

  private final Entry entry;
  private final Place place;
  private final Process process;
  private final Path log;
  private final Writer commands;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final JsonObject description;

  /**
   * Starts a process and waits until it has said what it is.
   *
   * @throws IOException if it cannot be started
   * @throws Skipped if it says why it cannot take part
   * @throws IllegalStateException if it fails
   */
  ContestantProcess(Entry entry, Place place) throws IOException {
    this(entry, place, Optional.empty());
  }

  private ContestantProcess(Entry entry, Place place, Optional<String> coldCell)
      throws IOException {
    this.entry = entry;
    this.place = place;
    Files.createDirectories(place.logs);
    log = place.logs.resolve(entry.fileName() + ".txt");
    process = start(coldCell);
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    commands = process.outputWriter(StandardCharsets.UTF_8);
    Thread.ofPlatform().daemon().start(this::readAnswers);
    description = answer();
  }

  private Process start(Optional<String> coldCell) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    // Some libraries call what the JDK is about to remove; that is not for us to read.
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.addAll(entry.jvmFlags());
    // JavaCPP's own limits and its collector of forgotten objects only cost time here.
    command.addAll(
        List.of(
            "-Dorg.bytedeco.javacpp.maxBytes=0",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
            "-Dorg.bytedeco.javacpp.nopointergc=true",
            "-Dorg.bytedeco.javacpp.cachedir=" + place.files.resolve("javacpp").toAbsolutePath(),
            "-cp",
            entry.classPath(),
            ContestantMain.class.getName(),
            entry.contestant(),
            Integer.toString(place.threads),
            String.join(",", place.cpus.stream().map(String::valueOf).toList()),
            String.format(Locale.ROOT, "%.3f", place.warmUpSeconds),
            place.files.toAbsolutePath().toString()));
    coldCell.ifPresent(command::add);
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    // Some environments choose the wrong kernels for OpenBLAS.
    environment.remove("OPENBLAS_CORETYPE");
    environment.remove("OPENBLAS_L2_SIZE");
    for (String variable : List.of("OMP", "OPENBLAS", "MKL")) {
      environment.put(variable + "_NUM_THREADS", Integer.toString(place.threads));
    }
    environment.putAll(entry.environment());
    return builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
  }

  private void readAnswers() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith(ContestantMain.MARK)) {
          answers.add(line.substring(ContestantMain.MARK.length()));
        }
      }
    } catch (IOException e) {
      // The process has ended, and the caller is told so.
    }
    answers.add(END);
  }

  /** Thrown when a contestant cannot do a work; the message is the reason. */
  static final class Skipped extends RuntimeException {
    private static final long serialVersionUID = 1;

    Skipped(String reason) {
      super(reason);
    }
  }

  private JsonObject answer() {
    try {
      String line = answers.poll(MAX_MINUTES, TimeUnit.MINUTES);
      if (line == null) {
        throw new IllegalStateException(
            entry.name() + " has not answered for " + MAX_MINUTES + " minutes");
      }
      if (line.equals(END)) {
        answers.add(END);
        throw new IllegalStateException(entry.name() + " ended: " + lastLine());
      }
      JsonObject json = JsonObject.of(entry.name(), Json.parse(entry.name(), line));
      if (json.has(ContestantMain.SKIPPED)) {
        throw new Skipped(json.requireString(ContestantMain.SKIPPED));
      }
      if (json.has(ContestantMain.ERROR)) {
        throw new IllegalStateException(
            entry.name() + ": " + json.requireString(ContestantMain.ERROR));
      }
      return json;
    } catch (CheckpointException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("peers: interrupted", e);
    }
  }

  private String lastLine() {
    try (Stream<String> lines = Files.lines(log, StandardCharsets.UTF_8)) {
      return lines.filter(line -> !line.isBlank()).reduce((_, last) -> last).orElse("no message");
    } catch (IOException | UncheckedIOException e) {
      return "see " + log;
    }
  }

  /** Returns who it is. */
  Entry entry() {
    return entry;
  }

  /** Returns what it said of itself. */
  JsonObject description() {
    return description;
  }

  private JsonObject call(String command) {
    try {
      commands.write(command + "\n");
      commands.flush();
    } catch (IOException e) {
      // It has ended; the answer is why.
    }
    return answer();
  }

  /**
   * Has a piece of work made ready and warmed up.
   *
   * @param cell its name
   * @return values and facts
   * @throws Skipped if it says why it cannot do it
   * @throws IllegalStateException if it fails
   */
  JsonObject prepare(String cell) {
    return call(ContestantMain.PREPARE + cell);
  }

  /** Has it done, and returns how many seconds one time took. */
  double run() {
    try {
      JsonObject answer = call(ContestantMain.RUN);
      double seconds = answer.requireDouble(ContestantMain.SECONDS);
      return place.cpuClock
          ? seconds * answer.requireDouble(ContestantMain.PROCESSORS) / place.threads
          : seconds;
    } catch (CheckpointException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the processor time that the process has used, in nanoseconds. */
  long cpuNanos() {
    return process.info().totalCpuDuration().map(java.time.Duration::toNanos).orElse(0L);
  }

  @Override
  public void close() {
    try {
      commands.close();
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }

  /**
   * One cold start.
   *
   * @param sinceStart seconds from the start of the process to its answer
   * @param sinceMain seconds from its main method
   * @param answer what it said
   */
  record Cold(double sinceStart, double sinceMain, JsonObject answer) {
    /** Returns the numbers that all must agree on. */
    double[] values() {
      try {
        return answer.requireDoubles(ContestantMain.VALUES);
      } catch (CheckpointException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * Starts a process that does a piece of work once.
   *
   * @return the seconds until its answer came, from the start of the process and of its main method
   */
  static Cold cold(Entry entry, Place place, String cell) throws IOException {
    long start = System.nanoTime();
    try (ContestantProcess process = new ContestantProcess(entry, place, Optional.of(cell))) {
      double seconds = (System.nanoTime() - start) * 1e-9;
      JsonObject answer = process.description();
      return new Cold(seconds, answer.requireDouble(ContestantMain.SECONDS), answer);
    }
  }
}
