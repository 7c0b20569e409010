package io.github.mamba4j.model;

import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

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
    MixerConfig mixer = config.mixer();
    text.append(
        String.format(
            Locale.ROOT,
            "%s: %d layers, dModel %d, dInner %d, dState %d, dConv %d, %s%n",
            config.architecture(),
            config.nLayers(),
            config.dModel(),
            config.dInner(),
            mixer.dState(),
            mixer.dConv(),
            special(mixer)));
    text.append(
        String.format(
            Locale.ROOT,
            "vocabulary %,d (%,d rows), head %s%n",
            config.vocabSize(),
            config.paddedVocabSize(),
            config.tieEmbeddings() ? "tied to the embedding" : "of its own"));
    parts.forEach(
        (name, count) -> text.append(String.format(Locale.ROOT, "  %-12s %,15d%n", name, count)));
    long bytes = model.parameters().values().stream().mapToLong(ModelSummary::bytes).sum();
    text.append(
        String.format(
            Locale.ROOT,
            "  %-12s %,15d parameters, %,.1f MB%n",
            "all",
            model.parameterCount(),
            bytes / 1e6));
    text.append(String.format(Locale.ROOT, "weights %s%n", weights(model)));
    return text.append(model.device().describe()).toString();
  }

  private static long bytes(Tensor tensor) {
    return tensor.dtype().bytes(tensor.shape().elements());
  }

  /** Tells in which types the weights are kept and where. */
  static String weights(MambaModel model) {
    Map<String, Long> kinds = new LinkedHashMap<>();
    int whole = 0;
    for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
      Tensor tensor = entry.getValue();
      String place = tensor.isReadOnly() ? " mapped from the file" : " in memory";
      kinds.merge(tensor.dtype() + place, bytes(tensor), Long::sum);
      boolean refused = model.precision() == Precision.INT8 && tensor.dtype() != DType.INT8;
      whole += refused && isMatrix(entry.getKey()) ? 1 : 0;
    }
    String text =
        kinds.entrySet().stream()
            .map(kind ->
                String.format(Locale.ROOT, "%s %,.1f MB", kind.getKey(), kind.getValue() / 1e6))
            .collect(Collectors.joining(", "));
    if (whole > 0) {
      text +=
          String.format(
              Locale.ROOT,
              "; %d matrices whose rows are no multiple of %d stay F32",
              whole,
              DType.INT8.blockElements());
    }
    return text;
  }

  private static boolean isMatrix(String parameter) {
    return CheckpointLayout.kind(parameter) == CheckpointLayout.Kind.MATRIX;
  }

  private static String special(MixerConfig mixer) {
    return switch (mixer) {
      case Mamba1Mixer.Config one -> "dtRank " + one.dtRank() + ", " + one.discretization();
      case Mamba2Mixer.Config two ->
          two.heads() + " heads of " + two.headDim() + ", " + two.nGroups() + " groups";
    };
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
