package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.TrainingRun;
import io.github.mamba4j.model.MambaModel;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The model of {@link TrainingRun} in eager PyTorch, with the same weights. */
final class TorchMamba {
  private final TorchScanForm form;
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final int nLayers;
  private final double eps;

  /** Copies the weights. */
  TorchMamba(TorchScanForm form) {
    this.form = form;
    try (MambaModel model = TrainingRun.model(1)) {
      nLayers = model.config().nLayers();
      eps = model.config().normEps();
      model
          .parameters()
          .forEach((name, ours) -> {
            long[] shape = new long[ours.shape().rank()];
            for (int i = 0; i < shape.length; i++) {
              shape[i] = ours.shape().dim(i);
            }
            Tensor copy = Torch.tensor(ours.toFloats(), shape);
            parameters.put(name, copy.set_requires_grad(true));
          });
    }
  }

  /** Returns the parameters by their names in checkpoints. */
  Map<String, Tensor> parameters() {
    return parameters;
  }

  private Tensor parameter(String name) {
    return Objects.requireNonNull(parameters.get(name), name);
  }

  /**
   * Runs the model.
   *
   * @param tokens [batch, length]
   * @return logits, [batch · length, vocab]
   */
  Tensor logits(Tensor tokens) {
    Tensor embeddings = parameter("backbone.embeddings.weight");
    Tensor residual = torch.embedding(embeddings, tokens);
    for (int i = 0; i < nLayers; i++) {
      String layer = "backbone.layers." + i;
      residual = residual.add(mixer(layer + ".mixer", norm(residual, layer + ".norm.weight")));
    }
    Tensor last = norm(residual, "backbone.norm_f.weight");
    return torch.linear(last, embeddings).view(tokens.numel(), embeddings.size(0));
  }

  private Tensor norm(Tensor x, String weight) {
    long[] width = {x.size(2)};
    return torch.rms_norm(x, width, new TensorOptional(parameter(weight)), new DoubleOptional(eps));
  }

  private Tensor mixer(String name, Tensor x) {
    TensorVector both = torch.linear(x, parameter(name + ".in_proj.weight")).chunk(2, 2);
    Tensor u = torch.silu(conv(name + ".conv1d", both.get(0)));
    Tensor stepWeight = parameter(name + ".dt_proj.weight");
    Tensor aLog = parameter(name + ".A_log");
    long rank = stepWeight.size(1);
    long states = aLog.size(1);
    TensorVector mixed =
        torch
            .linear(u, parameter(name + ".x_proj.weight"))
            .split_with_sizes(new long[] {rank, states, states}, 2);
    TensorOptional stepBias = new TensorOptional(parameter(name + ".dt_proj.bias"));
    Tensor delta = torch.softplus(torch.linear(mixed.get(0), stepWeight, stepBias));
    Tensor y = form.scan(u, delta, aLog.exp().neg(), mixed.get(1), mixed.get(2));
    Tensor gated = y.add(u.mul(parameter(name + ".D"))).mul(torch.silu(both.get(1)));
    return torch.linear(gated, parameter(name + ".out_proj.weight"));
  }

  /** Convolves causally along the length, channel by channel. */
  private Tensor conv(String name, Tensor x) {
    Tensor weight = parameter(name + ".weight");
    long taps = weight.size(2);
    Tensor padded =
        torch.conv1d(
            x.transpose(1, 2),
            weight,
            new TensorOptional(parameter(name + ".bias")),
            new long[] {1},
            new long[] {taps - 1},
            new long[] {1},
            weight.size(0));
    return padded.narrow(2, 0, x.size(1)).transpose(1, 2);
  }
}
