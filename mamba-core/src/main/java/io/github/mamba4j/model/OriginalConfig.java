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
 * The {@code config.json} of state-spaces/mamba: the fields of its {@code MambaConfig}, of which
 * {@code ssm_cfg} holds the arguments of the mixer.
 */
final class OriginalConfig {
  /** The one that MambaConfig has no field for and the code always uses. */
  private static final double EPS = 1e-5;

  private OriginalConfig() {}

  /**
   * Reads a configuration.
   *
   * @param json the file
   * @param rows rows of the embedding table
   * @param hasHead true if the weights hold a head of their own
   */
  static MambaConfig read(JsonObject json, int rows, boolean hasHead) throws CheckpointException {
    JsonObject ssm = json.objectOrEmpty("ssm_cfg");
    refuse(json, !json.booleanOr("rms_norm", true), "rms_norm false (LayerNorm)");
    refuse(json, json.intOr("d_intermediate", 0) != 0, "d_intermediate above 0 (MLP blocks)");
    boolean attention = json.has("attn_layer_idx") && !json.requireList("attn_layer_idx").isEmpty();
    refuse(json, attention, "attn_layer_idx (attention blocks)");
    String layer = ssm.stringOr("layer", "Mamba1");
    int dModel = json.requireInt("d_model");
    try {
      MixerConfig mixer =
          switch (layer) {
            case "Mamba1" -> mamba1(ssm, dModel);
            case "Mamba2" -> mamba2(ssm, dModel);
            default -> throw json.error("layer is '" + layer + "', expected 'Mamba1' or 'Mamba2'");
          };
      HuggingFaceConfig.requireVocabulary(json, rows);
      int vocab = json.intOr("vocab_size", rows);
      int multiple = json.intOr("pad_vocab_size_multiple", 8);
      boolean padded = multiple > 0 && Math.ceilDiv(vocab, multiple) * (long) multiple == rows;
      return new MambaConfig(
          json.requireInt("n_layer"),
          padded ? vocab : rows,
          padded ? multiple : 1,
          mixer,
          !hasHead || json.booleanOr("tie_embeddings", true),
          EPS,
          0.02);
    } catch (IllegalArgumentException e) {
      throw json.error(String.valueOf(e.getMessage()));
    }
  }

  private static void refuse(JsonObject json, boolean found, String what)
      throws CheckpointException {
    if (found) {
      throw json.error("uses " + what + ", which is not supported");
    }
  }

  private static MixerConfig mamba1(JsonObject ssm, int dModel) throws CheckpointException {
    int rank = (dModel + 15) / 16;
    boolean auto = "auto".equals(ssm.members().get("dt_rank"));
    return new Mamba1Mixer.Config(
        dModel,
        ssm.intOr("expand", 2) * dModel,
        ssm.intOr("d_state", 16),
        ssm.intOr("d_conv", 4),
        auto ? rank : ssm.intOr("dt_rank", rank),
        ssm.booleanOr("bias", false),
        ssm.booleanOr("conv_bias", true),
        step(ssm),
        ssm.doubleOr("dt_scale", 1),
        ssm.stringOr("dt_init", "random").equals("constant")
            ? StepWeights.CONSTANT
            : StepWeights.RANDOM,
        Discretization.EULER);
  }

  private static MixerConfig mamba2(JsonObject ssm, int dModel) throws CheckpointException {
    int dInner = ssm.intOr("expand", 2) * dModel;
    if (ssm.intOr("d_ssm", dInner) != dInner) {
      throw ssm.error("uses d_ssm below expand · d_model, which is not supported");
    }
    double[] limit = pair(ssm, "dt_limit", 0, Double.POSITIVE_INFINITY);
    double[] decay = pair(ssm, "A_init_range", 1, 16);
    return new Mamba2Mixer.Config(
        dModel,
        dInner,
        ssm.intOr("d_state", 128),
        ssm.intOr("d_conv", 4),
        ssm.intOr("headdim", 64),
        ssm.intOr("ngroups", 1),
        ssm.intOr("chunk_size", 256),
        ssm.booleanOr("bias", false),
        ssm.booleanOr("conv_bias", true),
        step(ssm),
        limit[0],
        limit[1],
        decay[0],
        decay[1],
        ssm.booleanOr("D_has_hdim", false),
        ssm.booleanOr("rmsnorm", true) ? OutputNorm.GROUPS : OutputNorm.NONE,
        ssm.booleanOr("norm_before_gate", false),
        EPS);
  }

  private static double[] pair(JsonObject ssm, String key, double first, double second)
      throws CheckpointException {
    double[] values = ssm.has(key) ? ssm.requireDoubles(key) : new double[] {first, second};
    if (values.length != 2) {
      throw ssm.error(key + " has " + values.length + " numbers, expected 2");
    }
    return values;
  }

  private static MixerConfig.StepInit step(JsonObject ssm) throws CheckpointException {
    return new MixerConfig.StepInit(
        ssm.doubleOr("dt_min", 0.001),
        ssm.doubleOr("dt_max", 0.1),
        ssm.doubleOr("dt_init_floor", 1e-4));
  }

  /**
   * Returns the members to write.
   *
   * @throws IllegalArgumentException if that code cannot express the configuration
   */
  static Map<String, @Nullable Object> write(MambaConfig config) {
    if (config.normEps() != EPS) {
      throw new IllegalArgumentException(
          "MambaModel: normEps is "
              + config.normEps()
              + ", but state-spaces/mamba always uses 1e-5; save in Hugging Face's layout");
    }
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("d_model", (long) config.dModel());
    json.put("d_intermediate", 0L);
    json.put("n_layer", (long) config.nLayers());
    json.put("vocab_size", (long) config.vocabSize());
    json.put("ssm_cfg", mixer(config.mixer()));
    json.put("attn_layer_idx", List.of());
    json.put("attn_cfg", Map.of());
    json.put("rms_norm", true);
    json.put("residual_in_fp32", true);
    json.put("fused_add_norm", true);
    json.put("pad_vocab_size_multiple", (long) config.padVocabSizeMultiple());
    json.put("tie_embeddings", config.tieEmbeddings());
    return json;
  }

  private static Map<String, @Nullable Object> mixer(MixerConfig mixer) {
    Map<String, @Nullable Object> ssm = new LinkedHashMap<>();
    ssm.put("layer", mixer instanceof Mamba1Mixer.Config ? "Mamba1" : "Mamba2");
    ssm.put("d_state", (long) mixer.dState());
    ssm.put("d_conv", (long) mixer.dConv());
    ssm.put("expand", (long) (mixer.dInner() / mixer.dModel()));
    switch (mixer) {
      case Mamba1Mixer.Config one -> {
        if (one.discretization() != Discretization.EULER) {
          throw new IllegalArgumentException(
              "MambaModel: state-spaces/mamba has no discretization "
                  + one.discretization()
                  + "; save in Hugging Face's layout");
        }
        ssm.put("dt_rank", (long) one.dtRank());
        ssm.put("dt_scale", one.stepScale());
        ssm.put("dt_init", one.stepWeights().name().toLowerCase(Locale.ROOT));
        common(ssm, one.bias(), one.convBias(), one.step());
      }
      case Mamba2Mixer.Config two -> {
        ssm.put("headdim", (long) two.headDim());
        ssm.put("ngroups", (long) two.nGroups());
        ssm.put("chunk_size", (long) two.chunkSize());
        putMamba2(ssm, two);
        common(ssm, two.bias(), two.convBias(), two.step());
      }
    }
    return ssm;
  }

  private static void putMamba2(Map<String, @Nullable Object> ssm, Mamba2Mixer.Config mixer) {
    if (mixer.outputNorm() == OutputNorm.WHOLE && mixer.nGroups() > 1) {
      throw new IllegalArgumentException(
          "MambaModel: state-spaces/mamba normalises each of "
              + mixer.nGroups()
              + " groups, this model all together; save in Hugging Face's layout");
    }
    if (mixer.stepLimitMin() > 0 || !Double.isInfinite(mixer.stepLimitMax())) {
      Object max = mixer.stepLimitMax();
      boolean infinite = Double.isInfinite(mixer.stepLimitMax());
      ssm.put(
          "dt_limit",
          List.of(mixer.stepLimitMin(), infinite ? Map.of("__float__", "Infinity") : max));
    }
    ssm.put("A_init_range", List.of(mixer.decayMin(), mixer.decayMax()));
    ssm.put("D_has_hdim", mixer.skipPerChannel());
    ssm.put("rmsnorm", mixer.outputNorm() != OutputNorm.NONE);
    ssm.put("norm_before_gate", mixer.normFirst());
  }

  private static void common(
      Map<String, @Nullable Object> ssm,
      boolean bias,
      boolean convBias,
      MixerConfig.StepInit step) {
    ssm.put("bias", bias);
    ssm.put("conv_bias", convBias);
    ssm.put("dt_min", step.min());
    ssm.put("dt_max", step.max());
    ssm.put("dt_init_floor", step.floor());
  }
}
