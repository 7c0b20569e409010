package io.github.mamba4j.bench;

import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Times training steps, prompts and generation on a GPU and prints a Markdown table of medians
 * beside what the reference CUDA kernels reach for the same work on an H200.
 *
 * <pre>{@code
 * mamba-cuda/target/bundle/run.sh figures [PATTERN]
 * }</pre>
 */
public final class GpuFigures {
  private static final int SAMPLES = 20;
  private static final int WARM_UP = 3;
  private static final int TOKENS_A_SAMPLE = 64;
  private static final int GENERATED = 512;
  private static final int[] BATCHES = {1, 64};
  private static final double NANOS = 1e9;
  private static final double RATE = 1e-4;

  private final Device device;
  private final Pattern wanted;

  private GpuFigures(Device device, Pattern wanted) {
    this.device = device;
    this.wanted = wanted;
  }

  /**
   * Measures.
   *
   * @param args a regular expression that the wanted rows' names contain; none for all rows
   */
  public static void main(String[] args) {
    try (Device device = Device.open("cuda", 0)) {
      IO.println(device.describe());
      IO.println("| work | tokens/s | ms | fastest ms | reference tokens/s | ratio |");
      IO.println("|---|---|---|---|---|---|");
      new GpuFigures(device, Pattern.compile(args.length == 0 ? "" : args[0])).run();
    }
  }

  private void run() {
    training("256 x 6, vocab 8192", 256, 6, 8192, 32, 512, DType.F32, 676_498);
    training("256 x 6, vocab 8192", 256, 6, 8192, 32, 512, DType.BF16, 811_562);
    training("130m", 768, 24, 50_280, 8, 2048, DType.BF16, 163_624);
    training("370m", 1024, 48, 50_280, 8, 2048, DType.BF16, 69_938);
    inference("130m", 768, 24, 512, new double[] {1_218, 67_449, 15.5});
    inference("370m", 1024, 48, 512, new double[] {Double.NaN, Double.NaN, Double.NaN});
    inference("2.8b", 2560, 64, 2048, new double[] {278, 13_436, 63.0});
  }

  private MambaModel model(int dModel, int nLayers, int vocab) {
    return MambaModel.builder()
        .dModel(dModel)
        .nLayers(nLayers)
        .vocabSize(vocab)
        .seed(1)
        .device(device)
        .build();
  }

  private void training(
      String size,
      int dModel,
      int nLayers,
      int vocab,
      int batch,
      int length,
      DType type,
      double reference) {
    String name = String.format(Locale.ROOT, "training %s, B%d L%d, %s", size, batch, length, type);
    if (!wanted.matcher(name).find()) {
      return;
    }
    SyntheticBatches data = new SyntheticBatches(batch, length, vocab);
    try (MambaModel model = model(dModel, nLayers, vocab);
        TrainingStep step = TrainingStep.open(model, data, AdamW.of(RATE), 1, 1, type)) {
      double[] index = {0};
      double[] seconds =
          times(() -> {
            if (!step.run(data, 0, (long) index[0]++, RATE)) {
              throw new IllegalStateException("GpuFigures: the loss is not finite");
            }
          });
      row(name, step.tokens(), seconds, reference);
    }
  }

  private void inference(String size, int dModel, int nLayers, int prompt, double[] references) {
    List<String> names = new ArrayList<>();
    for (int batch : BATCHES) {
      names.add("decode " + size + ", batch " + batch + ", BF16 weights");
    }
    String generation =
        String.format(Locale.ROOT, "generate %d tokens, %s, greedy, BF16 weights", GENERATED, size);
    names.add(generation);
    String prefill = "prefill " + size + ", " + prompt + " tokens, BF16 weights";
    names.add(prefill);
    if (names.stream().noneMatch(name -> wanted.matcher(name).find())) {
      return;
    }
    int[] tokens = PublishedModel.tokens(prompt);
    try (MambaModel full = model(dModel, nLayers, PublishedModel.VOCAB);
        MambaModel model = full.withPrecision(Precision.BF16);
        InferenceState state = model.newState()) {
      for (int i = 0; i < BATCHES.length; i++) {
        if (wanted.matcher(names.get(i)).find()) {
          decode(names.get(i), model, BATCHES[i], references[i]);
        }
      }
      if (wanted.matcher(generation).find()) {
        generate(generation, model, references[0]);
      }
      if (wanted.matcher(prefill).find()) {
        double[] seconds =
            times(() -> {
              state.prefill(tokens);
              state.logits();
            });
        row(prefill, prompt, seconds, prompt / references[BATCHES.length] * 1000);
      }
    }
  }

  private static void decode(String name, MambaModel model, int batch, double reference) {
    int[] tokens = new int[batch];
    try (InferenceState state = model.newState(batch)) {
      double[] seconds =
          times(() -> {
            for (int i = 0; i < TOKENS_A_SAMPLE; i++) {
              Arrays.fill(tokens, PublishedModel.token(i));
              state.step(tokens);
            }
            state.logits();
          });
      row(name, (long) TOKENS_A_SAMPLE * batch, seconds, reference);
    }
  }

  /** With the choice of tokens, which what is asked of the reference contains, too. */
  private static void generate(String name, MambaModel model, double reference) {
    SamplingOptions options = SamplingOptions.builder().greedy().maxNewTokens(GENERATED).build();
    Generator generator = Generator.of(model);
    try (InferenceState state = model.newState()) {
      int[] prompt = {PublishedModel.token(0)};
      double[] seconds = times(() -> generator.generate(state, prompt, options));
      row(name, GENERATED, seconds, reference);
    }
  }

  private static double[] times(Runnable work) {
    for (int i = 0; i < WARM_UP; i++) {
      work.run();
    }
    double[] seconds = new double[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
      long start = System.nanoTime();
      work.run();
      seconds[i] = (System.nanoTime() - start) / NANOS;
    }
    Arrays.sort(seconds);
    return seconds;
  }

  private static void row(String name, long tokens, double[] seconds, double reference) {
    double median = (seconds[(SAMPLES - 1) / 2] + seconds[SAMPLES / 2]) / 2;
    double rate = tokens / median;
    IO.println(
        String.format(
            Locale.ROOT,
            "| %s | %,.0f | %.3f | %.3f | %,.0f | %.2f |",
            name,
            rate,
            median * 1000,
            seconds[0] * 1000,
            reference,
            rate / reference));
  }
}
