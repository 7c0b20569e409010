package io.github.mamba4j.bench;

import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Reads one long prompt as it comes and says how long that took and how much memory the process had
 * at its peak, which is to be the same for every length. One process a length, because a peak does
 * not fall.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -Xmx256m -cp mamba-bench/target/benchmarks.jar \
 *     io.github.mamba4j.bench.LongPrompt mamba1 1000000
 * }</pre>
 */
public final class LongPrompt {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final int VOCAB = 256;
  private static final double NANOS = 1e9;

  private LongPrompt() {}

  /**
   * Measures.
   *
   * @param args {@code mamba1} or {@code mamba2}, and the number of tokens
   * @throws IOException if the process's peak cannot be read
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException(
          "LongPrompt: expected mamba1 or mamba2 and a number of tokens, got "
              + args.length
              + " arguments");
    }
    Architecture architecture = Architecture.valueOf(args[0].toUpperCase(Locale.ROOT));
    int length = Integer.parseInt(args[1]);
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(architecture)
            .dModel(64)
            .nLayers(2)
            .vocabSize(VOCAB)
            .seed(1)
            .threads(1);
    try (MambaModel model = builder.build();
        InferenceState state = model.newState()) {
      long start = System.nanoTime();
      state.prefill(IntStream.range(0, length).map(i -> i * 31 % VOCAB).iterator());
      float first = state.logits().getAtIndex(ValueLayout.JAVA_FLOAT, 0);
      double seconds = (System.nanoTime() - start) / NANOS;
      IO.println(
          String.format(
              Locale.ROOT,
              "%s, %d tokens: %.2f s, %.0f tokens/s, state %,d bytes, %s, first logit %.6f",
              args[0],
              length,
              seconds,
              length / seconds,
              state.reservedBytes(),
              peak(),
              first));
    }
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
