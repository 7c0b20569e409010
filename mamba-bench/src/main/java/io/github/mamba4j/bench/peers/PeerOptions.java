package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.StoredType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * What is compared, and how.
 *
 * @param works names of the works
 * @param threads numbers of threads
 * @param models sizes of models, for the works that run one
 * @param weights how the models' files store their matrices
 * @param rounds samples of each figure
 * @param steadyPercent share of the usual arithmetic rate below which a sample is dropped
 * @param cpuClock whether the time that threads waited for a processor is left out, for a glance on
 *     a busy machine; so are then waits for each other, so the figures are for one thread
 * @param warmUpSeconds how long each contestant runs before it is measured, if not as its work says
 * @param variants whether Mamba4J is also run without the vector module and with 256-bit vectors
 * @param tcmalloc the allocator that libtorch is tuned with, if not one of the system's
 * @param llama a folder with another build of llama.cpp, which then takes part, too
 * @param files the folder of the model files and of unpacked libraries
 * @param out the folder of the results
 */
record PeerOptions(
    List<String> works,
    List<Integer> threads,
    List<PublishedModel> models,
    List<StoredType> weights,
    int rounds,
    int steadyPercent,
    boolean cpuClock,
    OptionalInt warmUpSeconds,
    boolean variants,
    Optional<Path> tcmalloc,
    Optional<Path> llama,
    Path files,
    Path out) {
  private static final List<String> NAMES =
      List.of(
          "--works",
          "--threads",
          "--models",
          "--weights",
          "--rounds",
          "--steady",
          "--clock",
          "--warm-up",
          "--variants",
          "--tcmalloc",
          "--llama",
          "--files",
          "--out");
  private static final Map<String, StoredType> WEIGHTS =
      named(
          List.of(StoredType.F32, StoredType.BF16, StoredType.F16, StoredType.Q8_0),
          type -> type.name().toLowerCase(Locale.ROOT));
  private static final Map<String, Boolean> YES = Map.of("yes", true, "no", false);

  /** Values of {@code --clock}. */
  static final Map<String, Boolean> CLOCKS = Map.of("wall", false, "cpu", true);

  private static final Map<String, PublishedModel> MODELS =
      named(List.of(PublishedModel.values()), PublishedModel::label);

  private static <T> Map<String, T> named(List<T> values, Function<T, String> name) {
    Map<String, T> map = new LinkedHashMap<>();
    values.forEach(value -> map.put(name.apply(value), value));
    return map;
  }

  private static String usage(String works) {
    return "--works "
        + works
        + " --threads 1,2 --models 130m,370m,mamba2-130m --weights f32,bf16,f16,q8_0 --rounds 7"
        + " --steady 90 --clock wall --warm-up SECONDS --variants yes --tcmalloc FILE --llama"
        + " FOLDER --files FOLDER --out FOLDER (these are the defaults; the folder is"
        + " target/peers)";
  }

  /**
   * Reads arguments of the form {@code --name value}.
   *
   * @param known names of the works there are
   * @throws IllegalArgumentException if one is not known or has no such value
   */
  static PeerOptions parse(List<String> known, String... args) {
    String all = String.join(",", known);
    Map<String, String> values = Arguments.read(NAMES, usage(all), args);
    Path out = Path.of(values.getOrDefault("--out", "target/peers"));
    Map<String, String> works = named(known, Function.identity());
    return new PeerOptions(
        Arguments.choices("--works", values.getOrDefault("--works", all), works),
        Arguments.positives("--threads", values.getOrDefault("--threads", "1,2")),
        Arguments.choices(
            "--models", values.getOrDefault("--models", String.join(",", MODELS.keySet())), MODELS),
        Arguments.choices(
            "--weights",
            values.getOrDefault("--weights", String.join(",", WEIGHTS.keySet())),
            WEIGHTS),
        Arguments.positive("--rounds", values.getOrDefault("--rounds", "7")),
        Arguments.percent("--steady", values.getOrDefault("--steady", "90")),
        Arguments.choice("--clock", values.getOrDefault("--clock", "wall"), CLOCKS),
        values.containsKey("--warm-up")
            ? OptionalInt.of(Arguments.positive("--warm-up", values.get("--warm-up")))
            : OptionalInt.empty(),
        Arguments.choice("--variants", values.getOrDefault("--variants", "yes"), YES),
        Optional.ofNullable(values.get("--tcmalloc")).map(Path::of),
        Optional.ofNullable(values.get("--llama")).map(Path::of),
        values.containsKey("--files") ? Path.of(values.get("--files")) : out.resolve("files"),
        out);
  }
}
