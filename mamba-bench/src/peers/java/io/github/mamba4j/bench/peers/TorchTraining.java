package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.SyntheticBatches;
import io.github.mamba4j.bench.TrainingRun;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The training step of {@link TrainingRun} in eager PyTorch, from the same weights on the same
 * batches: autograd, clipping, and the library's AdamW.
 */
abstract class TorchTraining implements Contestant {
  private final SyntheticBatches data = TrainingRun.batches();
  private final PointerScope scope = new PointerScope();
  private final TorchMamba model;
  private final TorchAdamW optimizer;
  private final int[] inputs = new int[TrainingRun.TOKENS];
  private final int[] targets = new int[TrainingRun.TOKENS];

  private TorchTraining(Setting setting, TorchScanForm form) {
    Torch.use(setting.threads());
    model = new TorchMamba(form);
    optimizer = new TorchAdamW(model.parameters());
  }

  /** With {@link TorchScanForm#SEQUENTIAL}. */
  static final class Sequential extends TorchTraining {
    Sequential(Setting setting) {
      super(setting, TorchScanForm.SEQUENTIAL);
    }
  }

  /** With {@link TorchScanForm#STEPWISE}. */
  static final class Stepwise extends TorchTraining {
    Stepwise(Setting setting) {
      super(setting, TorchScanForm.STEPWISE);
    }
  }

  @Override
  public Map<String, Object> describe() {
    return Torch.describe();
  }

  @Override
  public Trial prepare(String cell) {
    double[] losses = new double[TrainingRun.CHECKED_STEPS];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = train(0);
    }
    TrainingRun.check(losses);
    return new Trial() {
      private long index;

      @Override
      public double seconds() {
        return Trial.time(() -> train(++index));
      }

      @Override
      public double[] values() {
        return losses;
      }
    };
  }

  private double train(long batch) {
    data.read(0, batch, inputs, targets);
    try (PointerScope _ = new PointerScope()) {
      optimizer.zeroGradients();
      Tensor tokens = Torch.tokens(inputs, TrainingRun.BATCH, TrainingRun.LENGTH);
      Tensor logits = model.logits(tokens);
      Tensor loss = torch.cross_entropy_loss(logits, Torch.tokens(targets, TrainingRun.TOKENS));
      loss.backward();
      optimizer.step();
      return loss.item_float();
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
