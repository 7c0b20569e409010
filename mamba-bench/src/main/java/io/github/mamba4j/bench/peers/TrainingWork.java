package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.TrainingRun;
import java.util.List;

/** A training step of a small model, see {@link TrainingRun}. */
final class TrainingWork implements Work {
  private static final double TOLERANCE = 1e-4;

  @Override
  public List<Cell> cells(PeerOptions options) {
    return List.of(new Cell("256x6 8x256", "tokens/s", TrainingRun.TOKENS, TOLERANCE));
  }

  @Override
  public List<Entry> entries(PeerOptions options) {
    Entry sequential = Entry.peer("libtorch sequential", "TorchTraining$Sequential");
    Entry stepwise = Entry.peer("libtorch stepwise", "TorchTraining$Stepwise");
    return List.of(
        Entry.ours(OwnTraining.class),
        Entry.scalar(OwnTraining.class),
        Entry.narrow(OwnTraining.class),
        Tuning.untuned(sequential),
        Tuning.tuned(sequential, options),
        Tuning.untuned(stepwise),
        Tuning.tuned(stepwise, options));
  }

  @Override
  public int warmUpSeconds() {
    return 10;
  }
}
