package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.StepKernels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The forms in which families with many forms are loaded. */
final class PtxForms {
  private static final List<String> TYPES = List.of("f32", "bf16");
  private static final List<String> FLAGS = List.of("0", "1");

  /** The convolution with few taps and with any. */
  static final List<PtxSource> CONV =
      join(
          forms(
              "conv",
              Map.of(
                  "T",
                  TYPES,
                  "WIDTH",
                  List.of("2", "3", "4"),
                  "VECTOR",
                  List.of("1", "2", "4"),
                  "SILU",
                  FLAGS)),
          forms("conv_any", Map.of("T", TYPES, "SILU", FLAGS)));

  /** Lookups of every type of table. */
  static final List<PtxSource> GATHER =
      join(
          forms(
              "gather",
              Map.of(
                  "TABLE", List.of("f32", "bf16", "f16"), "T", TYPES, "VECTOR", List.of("1", "4"))),
          forms("gather", Map.of("TABLE", List.of("int8"), "T", TYPES, "VECTOR", List.of("1"))));

  static final List<PtxSource> GATHER_BACKWARD =
      forms("gather_backward", Map.of("T", TYPES, "VECTOR", List.of("1", "4")));

  /** Products of few rows: of each type of weights the most registers, and one row. */
  static final List<PtxSource> GEMV =
      Stream.of(
              forms("gemv", gemv(List.of("bf16", "f16", "int8"), "f32", "1", "1")),
              forms("gemv", gemv(List.of("bf16", "int8"), "f32", "8", "0")),
              forms("gemv", gemv(List.of("f32"), "f32", "4", "1")),
              forms("gemv", gemv(List.of("f32"), "bf16", "16", "0")))
          .flatMap(List::stream)
          .toList();

  /** Products of many rows: large tiles, and small ones that are not aligned. */
  static final List<PtxSource> MATMUL =
      join(
          forms("matmul", matmul(List.of("k", "m"), List.of("k", "n"), "128", "1")),
          forms("matmul", matmul(List.of("k"), List.of("n"), "64", "0")));

  /** Steps of whole models: of the smallest and the largest published one, and small sizes. */
  static final List<PtxSource> STEP =
      Stream.of(
              step(StepCase.shape(1, 768, 1536, 16, 4, 48), "f32"),
              step(StepCase.shape(1, 2560, 5120, 16, 4, 160), "f32"),
              step(StepCase.shape(1, 2560, 5120, 16, 4, 160), "bf16"),
              step(StepCase.shape(1, 3072, 6144, 16, 4, 192), "f32"),
              step(StepCase.shape(1, 4096, 8192, 16, 4, 224), "bf16"),
              step(StepCase.shape(1, 1024, 2048, 64, 2, 64), "f32"),
              step(StepCase.shape(1, 1024, 2048, 64, 2, 128), "bf16"),
              step(StepCase.shape(1, 96, 192, 4, 1, 4), "f32"))
          .flatMap(List::stream)
          .toList();

  /** A step of one sequence, with the copy engine where rows can be cut for it, and without. */
  private static List<PtxSource> step(StepKernels.Shape shape, String small) {
    return Stream.of(true, false)
        .map(copies -> plan(shape, small, copies))
        .filter(StepPlan::fits)
        .map(StepPlan::form)
        .distinct()
        .map(form -> step(form, small))
        .toList();
  }

  private static StepPlan plan(StepKernels.Shape shape, String small, boolean copies) {
    return new StepPlan(shape, 64, small.equals("f32") ? 4 : 2, 132, 227 << 10, copies);
  }

  private static PtxSource step(Map<String, Integer> form, String small) {
    Map<String, String> all = new HashMap<>(Map.of("SMALL", small));
    form.forEach((name, value) -> all.put(name, String.valueOf(value)));
    return new PtxSource("mamba_step", all);
  }

  /** Steps of several sequences: of published models, and small sizes. */
  static final List<PtxSource> STEPS =
      List.of(
          scan(Map.of("RANK", "160", "SMALL", "f32")),
          scan(Map.of("RANK", "248", "SMALL", "bf16", "STATES", "4")),
          scan(Map.of("RANK", "128", "SMALL", "f32", "STATES", "64")),
          scan(Map.of("RANK", "48", "SMALL", "f32", "EARLY", "1")),
          batch("in", Map.of("TILES", "3", "R", "4", "BATCH", "4", "WARPS", "6")),
          batch("in", Map.of("TILES", "3", "R", "4", "BATCH", "4", "WARPS", "6", "EARLY", "1")),
          batch("in", Map.of("TILES", "5", "R", "8", "BATCH", "2")),
          batch("in", Map.of("TAPS", "1")),
          batch("project", Map.of("W", "f32", "WARPS", "8")),
          batch("project", Map.of("R", "8", "BATCH", "4", "WARPS", "8")),
          batch("project", Map.of("W", "f32", "TILES", "2", "R", "8", "BATCH", "4", "WARPS", "8")),
          batch("out", Map.of("R", "4", "BATCH", "4", "WARPS", "12", "SETS", "4")),
          batch("out", Map.of("R", "4", "BATCH", "4", "WARPS", "12", "SETS", "4", "EARLY", "1")),
          batch("out", Map.of("TILES", "2", "R", "8", "BATCH", "4", "WARPS", "8")),
          batch("out", Map.of("TILES", "5", "R", "8", "BATCH", "2", "WARPS", "8")),
          batch("rows", Map.of("TILES", "2", "R", "8", "BATCH", "4")),
          new PtxSource("held_rows", Map.of("R", "8", "STAGES", "8")),
          new PtxSource("held_rows", Map.of("R", "1", "STAGES", "2")));

  private static PtxSource scan(Map<String, String> form) {
    Map<String, String> all = new HashMap<>(Map.of("STATES", "16", "SLICES", "3", "EARLY", "0"));
    all.putAll(form);
    return new PtxSource("mamba_batch_scan", all);
  }

  private static PtxSource batch(String part, Map<String, String> form) {
    Map<String, String> all =
        new HashMap<>(Map.of("W", "bf16", "TILES", "1", "R", "1", "WARPS", "4", "STAGES", "2"));
    all.putAll(Map.of("TAPS", "4", "EARLY", "0", "PART", part, "BATCH", "1", "SETS", "1"));
    all.putAll(form);
    return new PtxSource("mamba_batch", all);
  }

  /** The backward scan: of 16 states in all types and widths, of others in some. */
  static final List<PtxSource> SCAN_BACKWARD =
      Stream.of(
              scanBackward("euler", List.of("4"), "0", TYPES, List.of("1", "2")),
              scanBackward("euler", List.of("4"), "0", List.of("bf16"), List.of("8")),
              scanBackward("euler", List.of("4"), "0", List.of("f32"), List.of("4")),
              scanBackward("euler", List.of("4"), "1", TYPES, List.of("1")),
              scanBackward("euler", List.of("1", "2"), "0", List.of("bf16"), List.of("8")),
              scanBackward("zoh", List.of("2"), "0", List.of("f32"), List.of("4")),
              scanBackward("zoh", List.of("2"), "1", TYPES, List.of("2")),
              forms("scan_backward_fold", Map.of("T", TYPES)))
          .flatMap(List::stream)
          .toList();

  /** Mamba-2's scan by type, and on tensor cores by channels of a slice and states. */
  static final List<PtxSource> SSD =
      Stream.of(
              typed("ssd"),
              typed("ssd_step"),
              typed("ssd_shared"),
              typed("ssd_backward"),
              tensor("ssd_tensor"),
              tensor("ssd_tensor_backward"))
          .flatMap(List::stream)
          .toList();

  private PtxForms() {}

  private static Map<String, List<String>> gemv(
      List<String> weights, String x, String rows, String copied) {
    return Map.of(
        "W",
        weights,
        "X",
        List.of(x),
        "ROWS",
        List.of(rows),
        "COPIED",
        List.of(copied),
        "VECTORS",
        List.of("1"));
  }

  private static Map<String, List<String>> matmul(
      List<String> a, List<String> b, String side, String vectors) {
    return Map.of(
        "T",
        List.of("f32", "bf16", "tf32"),
        "O",
        List.of("f32"),
        "SIDE",
        List.of(side),
        "A",
        a,
        "B",
        b,
        "VECTORS",
        List.of(vectors),
        "ADD",
        List.of("1"));
  }

  private static List<PtxSource> scanBackward(
      String rule, List<String> states, String many, List<String> types, List<String> widths) {
    return forms(
        "scan_backward",
        Map.of(
            "T",
            types,
            "RULE",
            List.of(rule),
            "S",
            states,
            "MANY",
            List.of(many),
            "WIDTH",
            widths,
            "WARPS",
            List.of("4"),
            "ADDS",
            List.of("0", "1")));
  }

  private static List<PtxSource> typed(String family) {
    return forms(family, Map.of("T", TYPES));
  }

  private static List<PtxSource> tensor(String family) {
    return forms(family, Map.of("P", List.of("32", "64"), "N", List.of("64", "128")));
  }

  private static List<PtxSource> join(List<PtxSource> a, List<PtxSource> b) {
    return Stream.concat(a.stream(), b.stream()).toList();
  }

  /** Returns a family's form for each combination of values. */
  static List<PtxSource> forms(String family, Map<String, List<String>> values) {
    List<Map<String, String>> forms = List.of(Map.of());
    for (Map.Entry<String, List<String>> variable : values.entrySet()) {
      List<Map<String, String>> more = new ArrayList<>();
      for (Map<String, String> form : forms) {
        for (String value : variable.getValue()) {
          Map<String, String> next = new HashMap<>(form);
          next.put(variable.getKey(), value);
          more.add(next);
        }
      }
      forms = more;
    }
    return forms.stream().map(form -> new PtxSource(family, form)).toList();
  }
}
