package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** The text of {@link MambaModel#summary()}. */
final class ModelSummary {
  private ModelSummary() {}

  static String of(MambaModel model) {
    MambaConfig config = model.config();
    Map<String, Long> parts = new LinkedHashMap<>();
    for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
      parts.merge(part(entry.getKey()), entry.getValue().shape().elements(), Long::sum);
    }
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "Mamba-1: %d layers, dModel %d, dInner %d, dState %d, dConv %d, dtRank %d, %s%n",
            config.nLayers(),
            config.dModel(),
            config.dInner(),
            config.dState(),
            config.dConv(),
            config.dtRank(),
            config.discretization()));
    text.append(
        String.format(
            Locale.ROOT,
            "vocabulary %,d (%,d rows), head %s%n",
            config.vocabSize(),
            config.paddedVocabSize(),
            config.tieEmbeddings() ? "tied to the embedding" : "of its own"));
    parts.forEach(
        (name, count) -> text.append(String.format(Locale.ROOT, "  %-12s %,15d%n", name, count)));
    long total = model.parameterCount();
    text.append(
        String.format(
            Locale.ROOT, "  %-12s %,15d parameters, %,.1f MB%n", "all", total, total * 4 / 1e6));
    return text.append(model.device().describe()).toString();
  }

  private static String part(String name) {
    if (name.startsWith("backbone.layers.")) {
      return name.contains(".mixer.") ? "mixers" : "norms";
    }
    if (name.startsWith("backbone.embeddings")) {
      return "embedding";
    }
    return name.startsWith("lm_head") ? "head" : "norms";
  }
}
