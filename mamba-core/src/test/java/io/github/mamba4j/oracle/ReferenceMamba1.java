package io.github.mamba4j.oracle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The Mamba-1 mixer, block and language model, in float64 from their equations.
 *
 * <p>Parameters come by the names and shapes of checkpoints: {@code backbone.embeddings.weight},
 * {@code backbone.layers.0.norm.weight}, {@code backbone.layers.0.mixer.in_proj.weight} and so on,
 * {@code backbone.norm_f.weight}, {@code lm_head.weight}. Biases that are missing are none; a
 * missing lm_head is tied to the embedding.
 */
public final class ReferenceMamba1 {

  private ReferenceMamba1() {}

  /**
   * The sizes of a model.
   *
   * @param dModel width of the residual stream
   * @param nLayers number of blocks
   * @param vocabSize rows of the embedding
   * @param dState states a channel
   * @param dConv taps of the convolution
   * @param expand dInner over dModel
   * @param dtRank width of the low-rank step size
   * @param rule how B̄ is formed
   */
  public record Config(
      int dModel,
      int nLayers,
      int vocabSize,
      int dState,
      int dConv,
      int expand,
      int dtRank,
      ReferenceScan.Rule rule) {

    /** expand × dModel. */
    public int dInner() {
      return expand * dModel;
    }
  }

  /** What one mixer carries from one part of a sequence to the next. */
  public static final class LayerState {

    private final double[] conv;
    private final double[] ssm;

    /** The state made of [batch, dConv − 1, dInner] raw inputs and [batch, dInner, dState]. */
    public LayerState(double[] conv, double[] ssm) {
      this.conv = conv;
      this.ssm = ssm;
    }

    /** The zero state before the first token. */
    public static LayerState zero(Config config, int batch) {
      return new LayerState(
          new double[batch * (config.dConv - 1) * config.dInner()],
          new double[batch * config.dInner() * config.dState]);
    }

    /** The last dConv − 1 inputs of the convolution, oldest first. */
    public double[] conv() {
      return conv;
    }

    /** The scan's state. */
    public double[] ssm() {
      return ssm;
    }
  }

  /** The outputs of a mixer or model with the states it ends in. */
  public static final class Result {

    private final double[] out;
    private final List<LayerState> states;
    private final List<double[]> hidden;

    Result(double[] out, List<LayerState> states, List<double[]> hidden) {
      this.out = out;
      this.states = List.copyOf(states);
      this.hidden = List.copyOf(hidden);
    }

    /** The mixer's result [batch, length, dModel] or the model's logits [batch, length, vocab]. */
    public double[] out() {
      return out;
    }

    /** The final state of each layer (of the one mixer). */
    public List<LayerState> states() {
      return states;
    }

    /** The residual stream after each block, then after norm_f; empty for a mixer. */
    public List<double[]> hidden() {
      return hidden;
    }
  }

  /**
   * One mixer.
   *
   * @param config the sizes
   * @param parameters named arrays
   * @param prefix what precedes the mixer's names, for example {@code backbone.layers.0.mixer.}
   * @param batch sequences
   * @param x the input, [batch, length, dModel]
   * @param initial the state before the first token
   * @return the output and the final state
   */
  public static Result mixer(
      Config config,
      Map<String, double[]> parameters,
      String prefix,
      int batch,
      double[] x,
      LayerState initial) {
    int dInner = config.dInner();
    int dState = config.dState;
    int dtRank = config.dtRank;
    int rows = x.length / config.dModel;
    double[] xz =
        ReferenceOps.linear(
            rows,
            config.dModel,
            2 * dInner,
            x,
            required(parameters, prefix + "in_proj.weight"),
            parameters.get(prefix + "in_proj.bias"));
    double[] raw = ReferenceOps.columns(xz, 2 * dInner, 0, dInner);
    ReferenceConv.Shape conv =
        new ReferenceConv.Shape(batch, rows / batch, dInner, config.dConv, true);
    double[] u =
        ReferenceConv.forward(
            conv,
            raw,
            required(parameters, prefix + "conv1d.weight"),
            parameters.get(prefix + "conv1d.bias"),
            initial.conv);
    int projected = dtRank + 2 * dState;
    double[] dbc =
        ReferenceOps.linear(
            rows, dInner, projected, u, required(parameters, prefix + "x_proj.weight"), null);
    Map<String, double[]> inputs = new HashMap<>();
    inputs.put("u", u);
    inputs.put("z", ReferenceOps.columns(xz, 2 * dInner, dInner, 2 * dInner));
    inputs.put(
        "dt",
        ReferenceOps.linear(
            rows,
            dtRank,
            dInner,
            ReferenceOps.columns(dbc, projected, 0, dtRank),
            required(parameters, prefix + "dt_proj.weight"),
            null));
    inputs.put("dtBias", required(parameters, prefix + "dt_proj.bias"));
    inputs.put("b", ReferenceOps.columns(dbc, projected, dtRank, dtRank + dState));
    inputs.put("c", ReferenceOps.columns(dbc, projected, dtRank + dState, projected));
    inputs.put(
        "a",
        Arrays.stream(required(parameters, prefix + "A_log")).map(v -> -Math.exp(v)).toArray());
    inputs.put("dSkip", required(parameters, prefix + "D"));
    inputs.put("initialState", initial.ssm);
    ReferenceScan.Result scan =
        ReferenceScan.selectiveScan(
            new ReferenceScan.Shape(batch, rows / batch, dInner, dState, config.rule, true),
            inputs);
    double[] out =
        ReferenceOps.linear(
            rows,
            dInner,
            config.dModel,
            scan.out(),
            required(parameters, prefix + "out_proj.weight"),
            parameters.get(prefix + "out_proj.bias"));
    LayerState last =
        new LayerState(ReferenceConv.finalState(conv, raw, initial.conv), scan.finalState());
    return new Result(out, List.of(last), List.of());
  }

  /**
   * The whole model from given states: r = embedding; r ← r + mixer(RMSNorm(r)) for each layer;
   * logits = head(RMSNorm(r)).
   *
   * @param config the sizes
   * @param parameters named arrays
   * @param batch sequences
   * @param ids token ids, [batch, length]
   * @param initial one state a layer, or null for zeros
   * @return logits [batch, length, vocabSize], final states, residual streams
   */
  public static Result model(
      Config config,
      Map<String, double[]> parameters,
      int batch,
      int[] ids,
      @Nullable List<LayerState> initial) {
    LayerState zero = LayerState.zero(config, batch);
    List<LayerState> from = initial == null ? Collections.nCopies(config.nLayers, zero) : initial;
    return model(
        config.dModel,
        config.vocabSize,
        parameters,
        ids,
        from,
        (prefix, x, state) -> mixer(config, parameters, prefix, batch, x, state));
  }

  /** A mixer of any kind inside a model. */
  interface Mixer {
    /** The mixer whose parameters' names begin with the prefix, from a state. */
    Result mix(String prefix, double[] x, LayerState initial);
  }

  /** The whole model around any mixer, from one state a layer. */
  static Result model(
      int dModel,
      int vocabSize,
      Map<String, double[]> parameters,
      int[] ids,
      List<LayerState> initial,
      Mixer mixer) {
    double[] embedding = required(parameters, "backbone.embeddings.weight");
    double[] r = ReferenceOps.embedding(embedding, dModel, ids);
    List<LayerState> states = new ArrayList<>();
    List<double[]> hidden = new ArrayList<>();
    for (int layer = 0; layer < initial.size(); layer++) {
      String name = "backbone.layers." + layer + ".";
      double[] weight = required(parameters, name + "norm.weight");
      double[] normed = ReferenceOps.rmsNorm(dModel, 1e-5, r, null, weight);
      Result mixed = mixer.mix(name + "mixer.", normed, initial.get(layer));
      r = ReferenceOps.add(r, mixed.out);
      hidden.add(r);
      states.addAll(mixed.states);
    }
    double[] normed =
        ReferenceOps.rmsNorm(dModel, 1e-5, r, null, required(parameters, "backbone.norm_f.weight"));
    hidden.add(normed);
    double[] head = parameters.getOrDefault("lm_head.weight", embedding);
    double[] logits = ReferenceOps.linear(ids.length, dModel, vocabSize, normed, head, null);
    return new Result(logits, states, hidden);
  }

  /**
   * The mean cross-entropy of each token given those before it.
   *
   * @param config the sizes
   * @param parameters named arrays
   * @param batch sequences
   * @param ids token ids, [batch, length], length at least 2
   * @return the mean over batch × (length − 1) predictions
   */
  public static double nextTokenLoss(
      Config config, Map<String, double[]> parameters, int batch, int[] ids) {
    int length = ids.length / batch;
    int[] targets = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      targets[i] = i % length == length - 1 ? ReferenceOps.IGNORE : ids[i + 1];
    }
    double[] logits = model(config, parameters, batch, ids, null).out;
    return ReferenceOps.crossEntropy(config.vocabSize, logits, targets);
  }

  static double[] required(Map<String, double[]> parameters, String name) {
    double[] array = parameters.get(name);
    if (array == null) {
      throw new IllegalArgumentException("mamba1: parameter " + name + " is missing");
    }
    return array;
  }
}
