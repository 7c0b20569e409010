package io.github.mamba4j.checkpoint;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How GGUF files name, shape and store what a Mamba state dict holds, for the two architectures
 * that llama.cpp knows.
 *
 * <p>State dict names are those of Hugging Face ({@code backbone.embeddings.weight}). Elements keep
 * their order in every tensor, only axes are split or dropped, and one tensor changes its values:
 * GGUF's {@code ssm_a} is −exp(A_log).
 */
public enum GgufArchitecture {
  /** The selective state space model, Mamba-1. */
  MAMBA("mamba"),
  /** The state space dual model, Mamba-2. */
  MAMBA2("mamba2");

  /** Key suffix: the model's width dModel. */
  public static final String EMBEDDING_LENGTH = "embedding_length";

  /** Key suffix: the number of layers. */
  public static final String BLOCK_COUNT = "block_count";

  /** Key suffix: the number of rows of the embedding. */
  public static final String VOCAB_SIZE = "vocab_size";

  /** Key suffix: the length that readers reserve for; 2^20 by custom, the model has no limit. */
  public static final String CONTEXT_LENGTH = "context_length";

  /** Key suffix: 0, required by readers. */
  public static final String FEED_FORWARD_LENGTH = "feed_forward_length";

  /** Key suffix: 0, required by readers. */
  public static final String HEAD_COUNT = "attention.head_count";

  /** Key suffix: the epsilon of all norms. */
  public static final String NORM_EPSILON = "attention.layer_norm_rms_epsilon";

  /** Key suffix: dConv. */
  public static final String CONV_KERNEL = "ssm.conv_kernel";

  /** Key suffix: dInner. */
  public static final String INNER_SIZE = "ssm.inner_size";

  /** Key suffix: dState. */
  public static final String STATE_SIZE = "ssm.state_size";

  /** Key suffix: dtRank of Mamba-1, the number of heads of Mamba-2. */
  public static final String TIME_STEP_RANK = "ssm.time_step_rank";

  /** Key suffix: the number of groups of Mamba-2. */
  public static final String GROUP_COUNT = "ssm.group_count";

  /** Key suffix: whether dt, B and C are normalised, as FalconMamba does. */
  public static final String DT_B_C_NORM = "ssm.dt_b_c_rms";

  private static final String ARCHITECTURE_KEY = "general.architecture";
  private static final Pattern STATE_DICT_LAYER =
      Pattern.compile("backbone\\.layers\\.(\\d+)\\.(.+)");
  private static final Pattern GGUF_LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+)");
  private static final String A_LOG = "mixer.A_log";
  private static final String SKIP = "mixer.D";
  private static final String CONV = "mixer.conv1d.weight";
  private static final String GATED_NORM = "mixer.norm.weight";

  /** Two names of one tensor; without the layer for those inside layers. */
  private record Pair(String stateDict, String gguf) {}

  private static final List<Pair> OUTSIDE =
      List.of(
          new Pair("backbone.embeddings.weight", "token_embd.weight"),
          new Pair("backbone.norm_f.weight", "output_norm.weight"),
          new Pair("lm_head.weight", "output.weight"));

  private static final List<Pair> INSIDE =
      List.of(
          new Pair("norm.weight", "attn_norm.weight"),
          new Pair("mixer.in_proj.weight", "ssm_in.weight"),
          new Pair(CONV, "ssm_conv1d.weight"),
          new Pair("mixer.conv1d.bias", "ssm_conv1d.bias"),
          new Pair(A_LOG, "ssm_a"),
          new Pair(SKIP, "ssm_d"),
          new Pair("mixer.out_proj.weight", "ssm_out.weight"));

  private static final List<Pair> INSIDE_MAMBA =
      List.of(
          new Pair("mixer.x_proj.weight", "ssm_x.weight"),
          new Pair("mixer.dt_proj.weight", "ssm_dt.weight"),
          new Pair("mixer.dt_proj.bias", "ssm_dt.bias"));

  private static final List<Pair> INSIDE_MAMBA2 =
      List.of(new Pair("mixer.dt_bias", "ssm_dt.bias"), new Pair(GATED_NORM, "ssm_norm.weight"));

  private final String id;

  GgufArchitecture(String id) {
    this.id = id;
  }

  /**
   * The architecture that a file declares.
   *
   * @param metadata the file's metadata
   * @return the architecture
   * @throws CheckpointException if {@code general.architecture} is missing or another one
   */
  public static GgufArchitecture of(GgufMetadata metadata) throws CheckpointException {
    String declared = metadata.requireString(ARCHITECTURE_KEY);
    for (GgufArchitecture architecture : values()) {
      if (architecture.id.equals(declared)) {
        return architecture;
      }
    }
    throw metadata.wrong(
        ARCHITECTURE_KEY, CheckpointException.printable(declared), "mamba or mamba2");
  }

  /**
   * The value of {@code general.architecture}, with which all keys of the model begin.
   *
   * @return the name
   */
  public String id() {
    return id;
  }

  /**
   * A metadata key of this architecture.
   *
   * @param suffix one of the constants of this class
   * @return the whole key, such as {@code mamba.block_count}
   */
  public String key(String suffix) {
    return id + "." + suffix;
  }

  /**
   * GGUF's name of a tensor.
   *
   * @param stateDictName the name in a state dict
   * @return the name, or null where GGUF has no such tensor (biases of projections)
   */
  public @Nullable String ggufName(String stateDictName) {
    Matcher layer = STATE_DICT_LAYER.matcher(stateDictName);
    if (layer.matches()) {
      String suffix = find(inside(), layer.group(2), true);
      return suffix == null ? null : "blk." + layer.group(1) + "." + suffix;
    }
    return find(List.of(OUTSIDE), stateDictName, true);
  }

  /**
   * The state dict's name of a tensor.
   *
   * @param ggufName the name in a GGUF file
   * @return the name, or null where a Mamba state dict has no such tensor
   */
  public @Nullable String stateDictName(String ggufName) {
    Matcher layer = GGUF_LAYER.matcher(ggufName);
    if (layer.matches()) {
      String suffix = find(inside(), layer.group(2), false);
      return suffix == null ? null : "backbone.layers." + layer.group(1) + "." + suffix;
    }
    return find(List.of(OUTSIDE), ggufName, false);
  }

  /**
   * The shape under which GGUF stores a tensor: the convolution without its middle axis of 1; A and
   * D of Mamba-2 with a last axis of 1; the gated norm of Mamba-2 as [groups, dInner / groups].
   *
   * @param stateDictName the name in a state dict
   * @param shape its shape there
   * @param groups the number of groups of Mamba-2; 1 for Mamba-1
   * @return the shape in the file, outermost axis first; the order of the elements is the same
   * @throws IllegalArgumentException if a convolution's middle axis is not 1 or the groups do not
   *     divide the gated norm
   */
  public List<Long> ggufShape(String stateDictName, List<Long> shape, long groups) {
    Matcher layer = STATE_DICT_LAYER.matcher(stateDictName);
    String suffix = layer.matches() ? layer.group(2) : "";
    return switch (suffix) {
      case CONV -> {
        boolean fits = shape.size() == 3 && shape.get(1) == 1;
        require(fits, stateDictName, shape, "[channels, 1, dConv]");
        yield List.of(shape.get(0), shape.get(2));
      }
      case A_LOG, SKIP -> this == MAMBA ? shape : List.of(shape.getFirst(), 1L);
      case GATED_NORM -> {
        boolean divides = groups > 0 && shape.size() == 1 && shape.getFirst() % groups == 0;
        require(divides, stateDictName, shape, "[dInner] with " + groups + " equal groups");
        yield List.of(groups, shape.getFirst() / groups);
      }
      default -> shape;
    };
  }

  /**
   * Whether a tensor stays float32 whatever the type of the file: the convolution, norms, biases,
   * A, D and every other tensor of one axis.
   *
   * @param ggufName the name in a GGUF file
   * @param shape its shape
   * @return false for the large matrices
   */
  public static boolean keepsFloat32(String ggufName, List<Long> shape) {
    return shape.size() < 2
        || !ggufName.endsWith(".weight")
        || ggufName.contains("norm")
        || ggufName.contains("ssm_conv1d");
  }

  /**
   * Whether a tensor is stored as −exp of the state dict's values.
   *
   * @param ggufName the name in a GGUF file
   * @return true for {@code ssm_a} of any layer
   */
  public static boolean isNegativeExponential(String ggufName) {
    return ggufName.startsWith("blk.") && ggufName.endsWith(".ssm_a");
  }

  /**
   * The stored value of an element of A_log.
   *
   * @param aLog the state dict's value
   * @return −exp(aLog)
   */
  public static float toNegativeExponential(float aLog) {
    return (float) -Math.exp(aLog);
  }

  /**
   * The inverse of {@link #toNegativeExponential}, up to the rounding of the stored value.
   *
   * @param a the stored value, negative
   * @return log(−a); NaN for a positive value
   */
  public static float fromNegativeExponential(float a) {
    return (float) Math.log(-a);
  }

  private List<List<Pair>> inside() {
    return List.of(INSIDE, this == MAMBA ? INSIDE_MAMBA : INSIDE_MAMBA2);
  }

  private static @Nullable String find(List<List<Pair>> tables, String name, boolean toGguf) {
    for (List<Pair> table : tables) {
      for (Pair pair : table) {
        if (name.equals(toGguf ? pair.stateDict() : pair.gguf())) {
          return toGguf ? pair.gguf() : pair.stateDict();
        }
      }
    }
    return null;
  }

  private static void require(boolean fits, String name, List<Long> shape, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "GgufArchitecture: %s has shape %s, expected %s",
              name,
              shape,
              expected));
    }
  }
}
