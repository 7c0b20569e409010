package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.TrainingRun;
import java.util.Map;

/** Mamba4J's training step. */
final class OwnTraining implements Contestant {
  private final TrainingRun run;

  OwnTraining(Setting setting) {
    run = new TrainingRun(setting.threads());
  }

  @Override
  public Map<String, Object> describe() {
    return OwnCpu.describe();
  }

  @Override
  public Trial prepare(String cell) {
    double[] losses = run.firstLosses();
    return new Trial() {
      private long index;

      @Override
      public double seconds() {
        return Trial.time(() -> run.train(++index));
      }

      @Override
      public double[] values() {
        return losses;
      }

      @Override
      public Map<String, Object> facts() {
        return Map.of(BOUND_FLOPS, (double) run.flops());
      }
    };
  }

  @Override
  public void close() {
    run.close();
  }
}
