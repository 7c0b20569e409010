package io.github.mamba4j.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tensor names of GGUF's {@code mamba} and {@code mamba2}, and ours for the same tensors. */
final class GgufNames {
  private static final String OUR_LAYER = "backbone.layers.";
  private static final String THEIR_LAYER = "blk.";

  private record Pair(String ours, String theirs) {}

  private static final List<Pair> WHOLE =
      List.of(
          new Pair(CheckpointLayout.EMBEDDING, "token_embd.weight"),
          new Pair("backbone.norm_f.weight", "output_norm.weight"),
          new Pair(CheckpointLayout.HEAD, "output.weight"));

  private static final List<Pair> LAYER =
      List.of(
          new Pair("norm.weight", "attn_norm.weight"),
          new Pair("mixer.in_proj.weight", "ssm_in.weight"),
          new Pair("mixer.conv1d.weight", "ssm_conv1d.weight"),
          new Pair("mixer.conv1d.bias", "ssm_conv1d.bias"),
          new Pair("mixer.x_proj.weight", "ssm_x.weight"),
          new Pair("mixer.dt_proj.weight", "ssm_dt.weight"),
          new Pair("mixer.dt_proj.bias", "ssm_dt.bias"),
          new Pair("mixer.dt_bias", "ssm_dt.bias"),
          new Pair("mixer.A_log", "ssm_a"),
          new Pair("mixer.D", "ssm_d"),
          new Pair("mixer.norm.weight", "ssm_norm.weight"),
          new Pair("mixer.out_proj.weight", "ssm_out.weight"));

  private GgufNames() {}

  /** Returns GGUF's name of a parameter, or null if it has none for it. */
  static @Nullable String theirs(String parameter) {
    for (Pair pair : WHOLE) {
      if (pair.ours.equals(parameter)) {
        return pair.theirs;
      }
    }
    int end = layerEnd(parameter, OUR_LAYER);
    for (Pair pair : LAYER) {
      if (end > 0 && parameter.substring(end).equals(pair.ours)) {
        return THEIR_LAYER + parameter.substring(OUR_LAYER.length(), end) + pair.theirs;
      }
    }
    return null;
  }

  /**
   * Returns our name of a tensor; that of an unknown tensor is its own.
   *
   * @param name GGUF's name
   * @param mamba1 true if the bias of the step size belongs to a projection
   */
  static String ours(String name, boolean mamba1) {
    for (Pair pair : WHOLE) {
      if (pair.theirs.equals(name)) {
        return pair.ours;
      }
    }
    int end = layerEnd(name, THEIR_LAYER);
    for (Pair pair : LAYER) {
      boolean otherKind = pair.ours.equals(mamba1 ? "mixer.dt_bias" : "mixer.dt_proj.bias");
      if (end > 0 && !otherKind && name.substring(end).equals(pair.theirs)) {
        return OUR_LAYER + name.substring(THEIR_LAYER.length(), end) + pair.ours;
      }
    }
    return name;
  }

  /** Returns where the part after {@code prefix number .} starts, or 0 if it is not so made. */
  private static int layerEnd(String name, String prefix) {
    if (!name.startsWith(prefix)) {
      return 0;
    }
    int at = prefix.length();
    while (at < name.length() && name.charAt(at) >= '0' && name.charAt(at) <= '9') {
      at++;
    }
    boolean number = at > prefix.length() && at < name.length() && name.charAt(at) == '.';
    return number ? at + 1 : 0;
  }
}
