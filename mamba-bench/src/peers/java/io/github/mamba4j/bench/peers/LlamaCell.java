package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Agreement;
import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.model.MambaConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * One cell of the comparison with llama.cpp: a model, a type of weights, a number of threads. A
 * process of its own, started by {@link LlamaComparison}, so that nothing is left over from the
 * cell before.
 */
final class LlamaCell {
  private static final int STEPS = 64;
  private static final int PREFILL = 512;
  private static final int CHECKED_PROMPT = 48;
  private static final int CHECKED_STEPS = 8;
  private static final int READ_PASSES = 7;
  private static final double NANOS = 1e9;

  private final PeerOptions options;
  private final PublishedModel size;
  private final StoredType weights;
  private final int threads;
  private final Map<String, Object> result = new LinkedHashMap<>();

  private LlamaCell(PeerOptions options) {
    this.options = options;
    size = options.models().getFirst();
    weights = options.weights().getFirst();
    threads = options.threads().getFirst();
  }

  /**
   * Measures.
   *
   * @param args options with one model, one type and one number of threads; {@code --out} is a file
   */
  public static void main(String[] args) {
    int status = 0;
    try {
      LlamaCell cell = new LlamaCell(PeerOptions.parse(args));
      cell.measure();
      Json.write(cell.options.out(), cell.result);
    } catch (IOException | RuntimeException e) {
      Host.err().println(e.getMessage());
      status = 1;
    }
    // llama.cpp's Java classes have threads that never end.
    Runtime.getRuntime().halt(status);
  }

  private void measure() throws IOException {
    String processor = Host.processor();
    List<Integer> cpus = Cores.choose(threads);
    LinuxCalls.pin(cpus);
    Path file = ModelFiles.file(options.files(), size, weights);
    LlamaLibrary library = LlamaLibrary.open();
    result.put("model", size.label());
    result.put("weights", weights.name());
    result.put("threads", threads);
    result.put("cpus", cpus);
    result.put("processor", processor);
    result.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    result.put(
        "jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    result.put("peer", library.describe());
    try (Ceilings ceilings = new Ceilings(threads);
        Mamba4jPeer ours = new Mamba4jPeer(file, threads);
        LlamaNativePeer theirs = new LlamaNativePeer(library, file, threads)) {
      result.put("kernels", ours.kernels());
      result.put("fileBytes", Files.size(file));
      result.put("weightType", ours.weightType().name());
      result.put("weightBytes", ours.weightBytes());
      result.put("agreement", compare(ours, theirs));
      MambaConfig config = ours.model().config();
      result.put("prefillTokens", PREFILL);
      result.put("prefillFlops", MatmulRate.flops(config, PREFILL));
      result.put("matmulFlopsPerSecond", rates(MatmulRate.measure(config, PREFILL, threads)));
      List<Peer> peers = new ArrayList<>(List.of(ours, theirs));
      if (options.javaApi()) {
        peers.add(new LlamaJavaPeer(file, threads));
      }
      time(peers, ceilings);
    }
  }

  /** Throws if the logits do not agree after a prompt and after single tokens. */
  private Map<String, Object> compare(Peer.Transparent ours, Peer.Transparent theirs) {
    int[] text = PublishedModel.tokens(CHECKED_PROMPT + CHECKED_STEPS);
    int[] prompt = Arrays.copyOf(text, CHECKED_PROMPT);
    int[] steps = Arrays.copyOfRange(text, CHECKED_PROMPT, text.length);
    double tolerance = tolerance(weights);
    Map<String, Object> agreement = new LinkedHashMap<>();
    agreement.put("tolerance", tolerance);
    agreement.put("prompt", agree("logits of a prompt", ours, theirs, prompt, new int[0]));
    agreement.put("steps", agree("logits of steps", ours, theirs, prompt, steps));
    return agreement;
  }

  private double agree(
      String what, Peer.Transparent ours, Peer.Transparent theirs, int[] prompt, int[] steps) {
    float[] actual = ours.logits(prompt, steps);
    double[] expected = Agreement.widen(theirs.logits(prompt, steps));
    Agreement.check(what, actual, expected, tolerance(weights));
    return Agreement.error(actual, expected);
  }

  /**
   * Returns how far logits may lie apart, relative to the largest. Both have the same weights; but
   * llama.cpp rounds the activations that meet narrow weights to the weights' type (Q8_0: to blocks
   * of 8-bit integers), and we do not.
   */
  private static double tolerance(StoredType weights) {
    return switch (weights) {
      case F32 -> 1e-5;
      case F16 -> 1e-3;
      case BF16 -> 1e-2;
      case Q8_0 -> 2e-2;
      default -> throw new IllegalArgumentException("LlamaCell: weights are " + weights);
    };
  }

  private void time(List<Peer> peers, Ceilings ceilings) {
    Map<String, DoubleSupplier> decode = new LinkedHashMap<>();
    Map<String, DoubleSupplier> prefill = new LinkedHashMap<>();
    for (Peer peer : peers) {
      decode.put(peer.name(), () -> STEPS / peer.decodeSeconds(STEPS));
      prefill.put(peer.name(), () -> PREFILL / peer.prefillSeconds(PREFILL));
    }
    double[] small = ceilings.read(false, READ_PASSES);
    double[] huge = ceilings.read(true, READ_PASSES);
    prefill.values().forEach(this::warmUp);
    Interleaved prefills = interleaved(ceilings);
    prefills.run(prefill);
    decode.values().forEach(this::warmUp);
    Interleaved decodes = interleaved(ceilings);
    decodes.run(decode);
    // Before and after, because the host's other guests come and go.
    result.put("readBytesPerSecond", rates(small, ceilings.read(false, READ_PASSES)));
    result.put("readHugeBytesPerSecond", rates(huge, ceilings.read(true, READ_PASSES)));
    result.put("flopsPerSecond", decodes.usual());
    result.put("decode", figures(decodes, decode));
    result.put("prefill", figures(prefills, prefill));
  }

  private Interleaved interleaved(Ceilings ceilings) {
    return new Interleaved(ceilings::calibrate, options.rounds(), options.steadyPercent() / 100.0);
  }

  private void warmUp(DoubleSupplier work) {
    long start = System.nanoTime();
    double sum = 0;
    while (System.nanoTime() - start < options.warmUpSeconds() * NANOS) {
      sum += work.getAsDouble();
    }
    assert sum > 0 : sum;
  }

  private static Map<String, Object> figures(
      Interleaved measured, Map<String, DoubleSupplier> works) {
    Map<String, Object> figures = new LinkedHashMap<>();
    works.keySet().forEach(name -> figures.put(name, measured.json(name)));
    return figures;
  }

  private static Map<String, Object> rates(double[]... runs) {
    double[] all = Arrays.stream(runs).flatMapToDouble(Arrays::stream).toArray();
    return Figure.of(all).json();
  }
}
