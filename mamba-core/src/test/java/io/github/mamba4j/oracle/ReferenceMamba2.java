package io.github.mamba4j.oracle;

import io.github.mamba4j.oracle.ReferenceMamba1.LayerState;
import io.github.mamba4j.oracle.ReferenceMamba1.Result;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The Mamba-2 mixer and language model in float64, step by step from their equations; names of
 * parameters as in {@link ReferenceMamba1}. D has one element a head, the step has no limits, and
 * each group is gated, then normalised on its own.
 */
public final class ReferenceMamba2 {
  private ReferenceMamba2() {}

  /**
   * The sizes of a model.
   *
   * @param dModel width of the residual stream
   * @param nLayers number of blocks
   * @param vocabSize rows of the embedding
   * @param dInner channels of the scan
   * @param dState states a channel
   * @param dConv taps of the convolution
   * @param headDim channels a head
   * @param nGroups groups of heads that share B and C
   */
  public record Config(
      int dModel,
      int nLayers,
      int vocabSize,
      int dInner,
      int dState,
      int dConv,
      int headDim,
      int nGroups) {
    int heads() {
      return dInner / headDim;
    }

    int convChannels() {
      return dInner + 2 * nGroups * dState;
    }
  }

  /** The zero states before the first token. */
  private static List<LayerState> zeros(Config config, int batch) {
    LayerState zero =
        new LayerState(
            new double[batch * (config.dConv - 1) * config.convChannels()],
            new double[batch * config.dState * config.dInner]);
    return Collections.nCopies(config.nLayers, zero);
  }

  /**
   * The whole model from given states.
   *
   * @param config the sizes
   * @param parameters named arrays
   * @param batch sequences
   * @param ids token ids, [batch, length]
   * @param initial one state a layer, with the scan's as [batch, dState, dInner], or null for zeros
   * @return logits [batch, length, vocabSize], final states, residual streams
   */
  public static Result model(
      Config config,
      Map<String, double[]> parameters,
      int batch,
      int[] ids,
      @Nullable List<LayerState> initial) {
    return ReferenceMamba1.model(
        config.dModel,
        config.vocabSize,
        parameters,
        ids,
        initial == null ? zeros(config, batch) : initial,
        (prefix, x, state) -> mixer(config, parameters, prefix, batch, x, state));
  }

  private static Result mixer(
      Config config,
      Map<String, double[]> parameters,
      String prefix,
      int batch,
      double[] x,
      LayerState initial) {
    int dInner = config.dInner;
    int rows = x.length / config.dModel;
    int gateAndConv = dInner + config.convChannels();
    int projected = gateAndConv + config.heads();
    double[] inProj = ReferenceMamba1.required(parameters, prefix + "in_proj.weight");
    double[] zxbcdt = ReferenceOps.linear(rows, config.dModel, projected, x, inProj, null);
    double[] raw = ReferenceOps.columns(zxbcdt, projected, dInner, gateAndConv);
    ReferenceConv.Shape conv =
        new ReferenceConv.Shape(batch, rows / batch, config.convChannels(), config.dConv, true);
    double[] xbc =
        ReferenceConv.forward(
            conv,
            raw,
            ReferenceMamba1.required(parameters, prefix + "conv1d.weight"),
            parameters.get(prefix + "conv1d.bias"),
            initial.conv());
    int b = dInner + config.nGroups * config.dState;
    double[] aLog = ReferenceMamba1.required(parameters, prefix + "A_log");
    Map<String, double[]> inputs = new HashMap<>();
    inputs.put("x", ReferenceOps.columns(xbc, config.convChannels(), 0, dInner));
    inputs.put("b", ReferenceOps.columns(xbc, config.convChannels(), dInner, b));
    inputs.put("c", ReferenceOps.columns(xbc, config.convChannels(), b, config.convChannels()));
    inputs.put("dt", ReferenceOps.columns(zxbcdt, projected, gateAndConv, projected));
    inputs.put("dtBias", ReferenceMamba1.required(parameters, prefix + "dt_bias"));
    inputs.put("a", Arrays.stream(aLog).map(v -> -Math.exp(v)).toArray());
    inputs.put("dSkip", ReferenceMamba1.required(parameters, prefix + "D"));
    inputs.put("initialState", initial.ssm());
    ReferenceScan.Result scan =
        ReferenceSsd.scan(
            new ReferenceSsd.Shape(
                batch,
                rows / batch,
                config.heads(),
                config.headDim,
                config.nGroups,
                config.dState,
                0,
                Double.POSITIVE_INFINITY),
            inputs);
    double[] gated =
        ReferenceOps.gatedRmsNorm(
            dInner,
            config.nGroups,
            1e-5,
            true,
            scan.out(),
            ReferenceOps.columns(zxbcdt, projected, 0, dInner),
            ReferenceMamba1.required(parameters, prefix + "norm.weight"));
    double[] outProj = ReferenceMamba1.required(parameters, prefix + "out_proj.weight");
    LayerState last =
        new LayerState(ReferenceConv.finalState(conv, raw, initial.conv()), scan.finalState());
    return new Result(
        ReferenceOps.linear(rows, dInner, config.dModel, gated, outProj, null),
        List.of(last),
        List.of());
  }
}
