package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.StoredType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What is compared.
 *
 * @param models sizes
 * @param weights how the files store their matrices
 * @param threads numbers of threads
 * @param rounds samples of each figure
 * @param steadyPercent share of the usual arithmetic rate below which a sample is dropped
 * @param warmUpSeconds how long each work runs before it is measured
 * @param javaApi whether llama.cpp is also run through its Java classes
 * @param files the folder of the model files
 * @param out the folder of the results
 */
record PeerOptions(
    List<PublishedModel> models,
    List<StoredType> weights,
    List<Integer> threads,
    int rounds,
    int steadyPercent,
    int warmUpSeconds,
    boolean javaApi,
    Path files,
    Path out) {
  private static final List<StoredType> WEIGHTS =
      List.of(StoredType.F32, StoredType.BF16, StoredType.F16, StoredType.Q8_0);
  private static final Set<String> NAMES =
      Set.of(
          "--models",
          "--weights",
          "--threads",
          "--rounds",
          "--steady",
          "--warm-up",
          "--java-api",
          "--files",
          "--out");

  /**
   * Reads arguments of the form {@code --name value}.
   *
   * @throws IllegalArgumentException if one is not known or has no such value
   */
  static PeerOptions parse(String... args) {
    Map<String, String> values = new LinkedHashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      if (!NAMES.contains(args[i]) || i + 1 == args.length) {
        throw new IllegalArgumentException(
            "peers: got "
                + args[i]
                + (NAMES.contains(args[i]) ? " without a value" : "")
                + ", expected --models 130m,370m --weights f32,bf16,f16,q8_0 --threads 1,2"
                + " --rounds 7 --steady 90 --warm-up 5 --java-api yes --files FOLDER --out FOLDER"
                + " (these are the defaults; the folder is target/peers)");
      }
      values.put(args[i], args[i + 1]);
    }
    Path out = Path.of(values.getOrDefault("--out", "target/peers"));
    return new PeerOptions(
        models(values.getOrDefault("--models", "130m,370m")),
        weights(values.getOrDefault("--weights", "f32,bf16,f16,q8_0")),
        split(values.getOrDefault("--threads", "1,2")).stream()
            .map(number -> positive("--threads", number))
            .toList(),
        positive("--rounds", values.getOrDefault("--rounds", "7")),
        percent("--steady", values.getOrDefault("--steady", "90")),
        positive("--warm-up", values.getOrDefault("--warm-up", "5")),
        yes(values.getOrDefault("--java-api", "yes")),
        values.containsKey("--files") ? Path.of(values.get("--files")) : out.resolve("models"),
        out);
  }

  private static List<String> split(String list) {
    return Arrays.asList(list.split(",", -1));
  }

  private static List<PublishedModel> models(String list) {
    List<PublishedModel> models = new ArrayList<>();
    for (String label : split(list)) {
      models.add(
          Arrays.stream(PublishedModel.values())
              .filter(model -> model.label().equals(label))
              .findFirst()
              .orElseThrow(() -> unknown("--models", label, "130m or 370m")));
    }
    return models;
  }

  private static List<StoredType> weights(String list) {
    List<StoredType> types = new ArrayList<>();
    for (String name : split(list)) {
      types.add(
          WEIGHTS.stream()
              .filter(type -> type.name().toLowerCase(Locale.ROOT).equals(name))
              .findFirst()
              .orElseThrow(() -> unknown("--weights", name, "f32, bf16, f16 or q8_0")));
    }
    return types;
  }

  private static int positive(String name, String number) {
    if (!number.matches("[1-9][0-9]{0,4}")) {
      throw unknown(name, number, "a positive number");
    }
    return Integer.parseInt(number);
  }

  private static int percent(String name, String number) {
    if (!number.matches("[0-9]{1,2}|100")) {
      throw unknown(name, number, "a percentage");
    }
    return Integer.parseInt(number);
  }

  private static boolean yes(String word) {
    return switch (word) {
      case "yes" -> true;
      case "no" -> false;
      default -> throw unknown("--java-api", word, "yes or no");
    };
  }

  private static IllegalArgumentException unknown(String name, String got, String expected) {
    return new IllegalArgumentException("peers: " + name + " is " + got + ", expected " + expected);
  }

  /** Returns the arguments of a process that measures one cell. */
  List<String> cell(PublishedModel model, StoredType type, int count, Path result) {
    return List.of(
        "--models",
        model.label(),
        "--weights",
        type.name().toLowerCase(Locale.ROOT),
        "--threads",
        Integer.toString(count),
        "--rounds",
        Integer.toString(rounds),
        "--steady",
        Integer.toString(steadyPercent),
        "--warm-up",
        Integer.toString(warmUpSeconds),
        "--java-api",
        javaApi ? "yes" : "no",
        "--files",
        files.toString(),
        "--out",
        result.toString());
  }
}
