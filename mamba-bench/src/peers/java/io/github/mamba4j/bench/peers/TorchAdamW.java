package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.TrainingRun;
import io.github.mamba4j.train.AdamW;
import java.util.Map;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.OptimizerParamGroupVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Clipping and PyTorch's AdamW with the settings of {@link TrainingRun}. */
final class TorchAdamW {
  private final TensorVector all = new TensorVector();
  private final org.bytedeco.pytorch.AdamW optimizer;

  /** Takes parameters, by their names in checkpoints. */
  TorchAdamW(Map<String, Tensor> parameters) {
    TensorVector decayed = new TensorVector();
    TensorVector others = new TensorVector();
    parameters.forEach((name, parameter) -> {
      all.push_back(parameter);
      boolean decays = AdamW.decays(name, Math.toIntExact(parameter.dim()));
      (decays ? decayed : others).push_back(parameter);
    });
    optimizer =
        new org.bytedeco.pytorch.AdamW(
            new OptimizerParamGroupVector(
                new OptimizerParamGroup(decayed, options(TrainingRun.OPTIMIZER.weightDecay())),
                new OptimizerParamGroup(others, options(0))));
  }

  private static AdamWOptions options(double weightDecay) {
    AdamW settings = TrainingRun.OPTIMIZER;
    AdamWOptions options = new AdamWOptions(settings.learningRate());
    options.eps().put(settings.eps());
    options.weight_decay().put(weightDecay);
    // Where the second of the pair is the first in memory, as in GNU's std::tuple.
    DoublePointer betas = options.betas();
    boolean reversed = betas.get(0) > betas.get(1);
    betas.put(reversed ? 1 : 0, settings.beta1());
    betas.put(reversed ? 0 : 1, settings.beta2());
    return options;
  }

  /** Forgets the gradients. */
  void zeroGradients() {
    for (long i = 0; i < all.size(); i++) {
      all.get(i).mutable_grad().reset();
    }
  }

  /** Clips the gradients and updates the parameters. */
  void step() {
    torch.clip_grad_norm_(all, TrainingRun.CLIP_NORM);
    optimizer.step();
  }
}
