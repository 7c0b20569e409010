package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba1Mixer.StepWeights;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The {@code config.json} of Hugging Face's {@code MambaForCausalLM} and {@code Mamba2ForCausalLM}.
 * What those classes have no field for is in a member {@code mamba4j}, which they ignore.
 */
final class HuggingFaceConfig {
  private static final String OWN = "mamba4j";

  private HuggingFaceConfig() {}

  /**
   * Reads a configuration.
   *
   * @param json the file
   * @param rows rows of the embedding table, which the file's vocabulary is often not
   * @param hasHead true if the weights hold a head of their own
   */
  static MambaConfig read(JsonObject json, int rows, boolean hasHead) throws CheckpointException {
    String type = json.stringOr("model_type", "mamba");
    String activation = json.stringOr("hidden_act", "silu");
    if (!activation.equals("silu")) {
      throw json.error("hidden_act is '" + activation + "', expected 'silu'");
    }
    requireVocabulary(json, rows);
    JsonObject own = json.objectOrEmpty(OWN);
    try {
      MixerConfig mixer =
          switch (type) {
            case "mamba" -> readMamba1(json, own);
            case "mamba2" -> readMamba2(json, own);
            default ->
                throw json.error("model_type is '" + type + "', expected 'mamba' or 'mamba2'");
          };
      return new MambaConfig(
          json.requireInt("num_hidden_layers"),
          own.intOr("vocab_size", rows),
          own.intOr("pad_vocab_size_multiple", 1),
          mixer,
          !hasHead || json.booleanOr("tie_word_embeddings", mixer instanceof Mamba1Mixer.Config),
          json.doubleOr("layer_norm_epsilon", 1e-5),
          json.doubleOr("initializer_range", 0.1));
    } catch (IllegalArgumentException e) {
      throw json.error(String.valueOf(e.getMessage()));
    }
  }

  /** Refuses a vocabulary for which the table has too few rows. */
  static void requireVocabulary(JsonObject json, int rows) throws CheckpointException {
    int vocab = json.intOr("vocab_size", rows);
    if (vocab > rows) {
      throw json.error(
          "vocab_size is " + vocab + ", expected at most " + rows + ", the rows of the embeddings");
    }
  }

  private static MixerConfig readMamba1(JsonObject json, JsonObject own)
      throws CheckpointException {
    int dModel = json.requireInt("hidden_size");
    int expand = json.intOr("expand", 2);
    int dInner = expand * dModel;
    requireInner(json, "intermediate_size", json.intOr("intermediate_size", dInner), dInner);
    int rank = (dModel + 15) / 16;
    boolean auto = "auto".equals(json.members().get("time_step_rank"));
    boolean constant = json.stringOr("time_step_init_scheme", "random").equals("constant");
    return new Mamba1Mixer.Config(
        dModel,
        dInner,
        json.intOr("state_size", 16),
        json.intOr("conv_kernel", 4),
        auto ? rank : json.intOr("time_step_rank", rank),
        json.booleanOr("use_bias", false),
        json.booleanOr("use_conv_bias", true),
        readStep(json),
        json.doubleOr("time_step_scale", 1.0),
        constant ? StepWeights.CONSTANT : StepWeights.RANDOM,
        Discretization.valueOf(own.stringOr("discretization", "euler").toUpperCase(Locale.ROOT)));
  }

  private static MixerConfig readMamba2(JsonObject json, JsonObject own)
      throws CheckpointException {
    int dModel = json.intOr("hidden_size", 4096);
    int dInner = json.intOr("expand", 2) * dModel;
    int headDim = json.intOr("head_dim", 64);
    requireInner(json, "num_heads · head_dim", json.intOr("num_heads", 128) * headDim, dInner);
    double[] limit = {0, Double.POSITIVE_INFINITY};
    if (json.has("time_step_limit")) {
      limit = json.requireDoubles("time_step_limit");
    }
    if (limit.length != 2) {
      throw json.error("time_step_limit has " + limit.length + " numbers, expected 2");
    }
    boolean norm = json.booleanOr("rms_norm", true);
    String whole = OutputNorm.WHOLE.name();
    double[] decay = own.has("a_init_range") ? own.requireDoubles("a_init_range") : new double[0];
    return new Mamba2Mixer.Config(
        dModel,
        dInner,
        json.intOr("state_size", 128),
        json.intOr("conv_kernel", 4),
        headDim,
        json.intOr("n_groups", 8),
        json.intOr("chunk_size", 256),
        json.booleanOr("use_bias", false),
        json.booleanOr("use_conv_bias", true),
        readStep(json),
        limit[0],
        limit[1],
        decay.length == 2 ? decay[0] : 1,
        decay.length == 2 ? decay[1] : 16,
        own.booleanOr("d_per_channel", false),
        norm
            ? OutputNorm.valueOf(own.stringOr("output_norm", whole).toUpperCase(Locale.ROOT))
            : OutputNorm.NONE,
        own.booleanOr("norm_before_gate", false),
        json.doubleOr("layer_norm_epsilon", 1e-5));
  }

  private static MixerConfig.StepInit readStep(JsonObject json) throws CheckpointException {
    return new MixerConfig.StepInit(
        json.doubleOr("time_step_min", 0.001),
        json.doubleOr("time_step_max", 0.1),
        json.doubleOr("time_step_floor", 1e-4));
  }

  private static void requireInner(JsonObject json, String name, int found, int dInner)
      throws CheckpointException {
    if (found != dInner) {
      throw json.error(name + " is " + found + ", expected expand · hidden_size = " + dInner);
    }
  }

  /** Returns the members to write. */
  static Map<String, @Nullable Object> write(MambaConfig config) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    Map<String, @Nullable Object> own = new LinkedHashMap<>();
    MixerConfig mixer = config.mixer();
    boolean first = mixer instanceof Mamba1Mixer.Config;
    json.put("architectures", List.of(first ? "MambaForCausalLM" : "Mamba2ForCausalLM"));
    json.put("model_type", first ? "mamba" : "mamba2");
    json.put("dtype", "float32");
    json.put("hidden_size", (long) config.dModel());
    json.put("num_hidden_layers", (long) config.nLayers());
    json.put("vocab_size", (long) config.paddedVocabSize());
    json.put("state_size", (long) mixer.dState());
    json.put("conv_kernel", (long) mixer.dConv());
    json.put("expand", (long) (mixer.dInner() / mixer.dModel()));
    own.put("vocab_size", (long) config.vocabSize());
    own.put("pad_vocab_size_multiple", (long) config.padVocabSizeMultiple());
    switch (mixer) {
      case Mamba1Mixer.Config one -> writeMamba1(one, json, own);
      case Mamba2Mixer.Config two -> writeMamba2(two, json, own);
    }
    json.put("hidden_act", "silu");
    json.put("layer_norm_epsilon", config.normEps());
    json.put("initializer_range", config.initializerRange());
    json.put("residual_in_fp32", true);
    json.put("rescale_prenorm_residual", true);
    json.put("tie_word_embeddings", config.tieEmbeddings());
    json.put("use_cache", true);
    json.put("bos_token_id", 0L);
    json.put("eos_token_id", 0L);
    json.put("pad_token_id", 0L);
    json.put(OWN, own);
    return json;
  }

  private static void writeMamba1(
      Mamba1Mixer.Config mixer,
      Map<String, @Nullable Object> json,
      Map<String, @Nullable Object> own) {
    json.put("intermediate_size", (long) mixer.dInner());
    json.put("time_step_rank", (long) mixer.dtRank());
    writeStep(mixer.step(), json);
    json.put("time_step_scale", mixer.stepScale());
    json.put("time_step_init_scheme", mixer.stepWeights().name().toLowerCase(Locale.ROOT));
    json.put("use_conv_bias", mixer.convBias());
    json.put("use_bias", mixer.bias());
    own.put("discretization", mixer.discretization().name().toLowerCase(Locale.ROOT));
  }

  private static void writeMamba2(
      Mamba2Mixer.Config mixer,
      Map<String, @Nullable Object> json,
      Map<String, @Nullable Object> own) {
    json.put("num_heads", (long) mixer.heads());
    json.put("head_dim", (long) mixer.headDim());
    json.put("n_groups", (long) mixer.nGroups());
    json.put("chunk_size", (long) mixer.chunkSize());
    writeStep(mixer.step(), json);
    double max = mixer.stepLimitMax();
    if (mixer.stepLimitMin() > 0 || !Double.isInfinite(max)) {
      // JSON has no infinity; transformers 5 writes it so, and both are its defaults.
      Object end = Double.isInfinite(max) ? Map.of("__float__", "Infinity") : max;
      json.put("time_step_limit", List.of(mixer.stepLimitMin(), end));
    }
    json.put("rms_norm", mixer.outputNorm() != OutputNorm.NONE);
    json.put("use_conv_bias", mixer.convBias());
    json.put("use_bias", mixer.bias());
    own.put("a_init_range", List.of(mixer.decayMin(), mixer.decayMax()));
    own.put("d_per_channel", mixer.skipPerChannel());
    own.put("output_norm", mixer.outputNorm().name().toLowerCase(Locale.ROOT));
    own.put("norm_before_gate", mixer.normFirst());
  }

  private static void writeStep(MixerConfig.StepInit step, Map<String, @Nullable Object> json) {
    json.put("time_step_min", step.min());
    json.put("time_step_max", step.max());
    json.put("time_step_floor", step.floor());
  }
}
