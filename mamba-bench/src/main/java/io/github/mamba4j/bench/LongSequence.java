package io.github.mamba4j.bench;

import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Reads one long sequence as it comes, and trains on one by truncated back-propagation: both are to
 * cost the same for each token, and take the same memory, whatever the length. A model of dModel
 * 64, four layers and 256 tokens, one thread.
 *
 * <p>Lengths and works take turns, after a warm-up; a figure is the median of its rounds. Memory is
 * what state or step have taken from the device; with one length the peak of the process says the
 * rest.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -Xmx256m -cp mamba-bench/target/benchmarks.jar \
 *     io.github.mamba4j.bench.LongSequence mamba1 16384,65536,262144,1048576 3
 * }</pre>
 */
public final class LongSequence {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int VOCAB = 256;
  private static final int PIECE = 512;
  private static final int WARM_UP_LENGTH = 1 << 12;
  private static final int WARM_UP_RUNS = 10;
  private static final double NANOS = 1e9;
  private static final double LEARNING_RATE = 1e-3;

  private LongSequence() {}

  /** Something that is done with a whole sequence. */
  private interface Work extends AutoCloseable {
    void run();

    long reservedBytes();

    @Override
    void close();
  }

  /** Reads a prompt whose tokens come one by one. */
  private record Forward(InferenceState state, int length) implements Work {
    @Override
    public void run() {
      state.reset();
      state.prefill(IntStream.range(0, length).map(i -> i % VOCAB * 31 % VOCAB).iterator());
      float first = state.logits().getAtIndex(ValueLayout.JAVA_FLOAT, 0);
      if (!Float.isFinite(first) || state.position() != length) {
        throw new IllegalStateException("LongSequence: " + state + " has a logit of " + first);
      }
    }

    @Override
    public long reservedBytes() {
      return state.reservedBytes();
    }

    @Override
    public void close() {
      state.close();
    }
  }

  /** Takes one optimiser step on one sequence. */
  private record Training(TrainingStep step, SyntheticBatches data) implements Work {
    static Training open(MambaModel model, int length) {
      SyntheticBatches data = new SyntheticBatches(1, length, VOCAB);
      AdamW optimizer = AdamW.of(LEARNING_RATE);
      return new Training(TrainingStep.open(model, data, optimizer, 1, 1, DType.F32, PIECE), data);
    }

    @Override
    public void run() {
      if (!step.run(data, 0, step.updates(), LEARNING_RATE)) {
        throw new IllegalStateException("LongSequence: loss or gradient is not finite");
      }
    }

    @Override
    public long reservedBytes() {
      return step.reservedBytes();
    }

    @Override
    public void close() {
      step.close();
    }
  }

  /** A work at a length with its samples. */
  private record Figure(String name, int length, Work work, List<double[]> samples) {
    static Figure of(String name, int length, Work work) {
      return new Figure(name, length, work, new ArrayList<>());
    }

    void sample() {
      long cpu = THREADS.getCurrentThreadCpuTime();
      long wall = System.nanoTime();
      work.run();
      double wallNanos = System.nanoTime() - wall;
      samples.add(new double[] {THREADS.getCurrentThreadCpuTime() - cpu, wallNanos});
    }

    /** Returns the median for a token: of processor time (0) or time (1), in nanoseconds. */
    double nanos(int kind) {
      double[] sorted = samples.stream().mapToDouble(sample -> sample[kind]).sorted().toArray();
      int middle = sorted.length / 2;
      double median =
          sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
      return median / length;
    }
  }

  /**
   * Measures.
   *
   * @param args {@code mamba1} or {@code mamba2}, lengths with commas between, and how many rounds
   * @throws IOException if the process's peak cannot be read
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      throw new IllegalArgumentException(
          "LongSequence: expected mamba1 or mamba2, lengths and rounds, got "
              + args.length
              + " arguments");
    }
    Architecture architecture = Architecture.valueOf(args[0].toUpperCase(Locale.ROOT));
    int[] lengths = Arrays.stream(args[1].split(",")).mapToInt(Integer::parseInt).toArray();
    int rounds = Integer.parseInt(args[2]);
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(architecture)
            .dModel(64)
            .nLayers(4)
            .vocabSize(VOCAB)
            .seed(1)
            .threads(1);
    List<Figure> figures = new ArrayList<>();
    try (MambaModel model = builder.build()) {
      warmUp(model);
      for (int length : lengths) {
        figures.add(Figure.of("forward", length, new Forward(model.newState(), length)));
        figures.add(Figure.of("training step", length, Training.open(model, length)));
      }
      try {
        measure(figures, rounds);
      } finally {
        figures.forEach(figure -> figure.work.close());
      }
    }
  }

  private static void warmUp(MambaModel model) {
    try (Work forward = new Forward(model.newState(), WARM_UP_LENGTH);
        Work training = Training.open(model, WARM_UP_LENGTH)) {
      for (int i = 0; i < WARM_UP_RUNS; i++) {
        forward.run();
        training.run();
      }
    }
  }

  private static void measure(List<Figure> figures, int rounds) throws IOException {
    for (int round = 0; round < rounds; round++) {
      figures.forEach(Figure::sample);
    }
    PrintStream out = Host.out();
    out.println(
        "| work | tokens | tokens/s | processor time a token, µs | of the shortest | memory |");
    out.println("|---|--:|--:|--:|--:|--:|");
    for (int i = 0; i < figures.size(); i++) {
      Figure figure = figures.get(i);
      out.println(
          String.format(
              Locale.ROOT,
              "| %s | %,d | %,.0f | %.2f | %.3f | %,d bytes |",
              figure.name,
              figure.length,
              NANOS / figure.nanos(1),
              figure.nanos(0) / 1e3,
              figure.nanos(0) / figures.get(i % 2).nanos(0),
              figure.work.reservedBytes()));
    }
    out.println(peak());
  }

  private static String peak() throws IOException {
    if (!Files.exists(STATUS)) {
      return "peak unknown on this system";
    }
    return Files.readAllLines(STATUS).stream()
        .filter(line -> line.startsWith("VmHWM"))
        .findFirst()
        .map(line -> line.replaceAll("\\s+", " "))
        .orElse("peak unknown");
  }
}
