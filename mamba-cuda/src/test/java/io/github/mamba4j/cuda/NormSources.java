package io.github.mamba4j.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Forms of the normalisations' files: every way through a row, with the types taking turns. */
final class NormSources {
  /** Vectors a thread, whether it loops, whether vectors are whole. */
  private static final String[] LAYOUTS = {"1 0 1", "2 0 0", "4 0 1", "4 0 0", "2 1 0"};

  static final List<PtxSource> ALL = all();

  private NormSources() {}

  private static List<PtxSource> all() {
    List<PtxSource> sources = new ArrayList<>();
    sources.add(new PtxSource("norm_fold", Map.of()));
    for (int i = 0; i < LAYOUTS.length; i++) {
      String a = i % 2 == 0 ? "bf16" : "f32";
      String b = i % 3 == 0 ? "bf16" : "f32";
      String gate = i % 2 == 0 ? "first" : "last";
      sources.add(source("norm", LAYOUTS[i], Map.of("X", a, "OUT", b)));
      String rounded = i % 3 == 2 ? "none" : "bf16";
      sources.add(
          source(
              "norm_backward",
              LAYOUTS[i],
              Map.of("X", b, "GRAD", a, "OUT", b, "ROUNDED", rounded)));
      sources.add(source("gated_norm", LAYOUTS[i], Map.of("T", b, "GATE", gate)));
      sources.add(source("gated_norm_backward", LAYOUTS[i], Map.of("T", b, "GATE", gate)));
    }
    return List.copyOf(sources);
  }

  private static PtxSource source(String family, String layout, Map<String, String> types) {
    String[] words = layout.split(" ", -1);
    boolean loop = words[1].equals("1");
    NormTeams teams = new NormTeams(4, Integer.parseInt(words[0]), loop, 32, 1);
    return teams.source(family, words[2].equals("1"), types);
  }
}
