package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Replay;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** The time that launches take on a GPU, as a captured graph. */
final class GraphTimer {
  private static final int SAMPLES = 20;
  private static final int REPEATS = 10;

  private GraphTimer() {}

  /** Returns the median time of some launches, in microseconds; a graph runs them several times. */
  static double micros(Gpu gpu, Runnable launches) {
    return micros(gpu, Collections.nCopies(REPEATS, launches));
  }

  /** Returns the median time of one of some alike launches, in microseconds. */
  static double micros(Gpu gpu, List<Runnable> launches) {
    launches.forEach(Runnable::run);
    gpu.synchronize();
    try (Replay graph = gpu.capture(launches)) {
      graph.run();
      gpu.synchronize();
      double[] samples = new double[SAMPLES];
      for (int i = 0; i < SAMPLES; i++) {
        long start = System.nanoTime();
        graph.run();
        gpu.synchronize();
        samples[i] = (System.nanoTime() - start) / 1e3 / launches.size();
      }
      Arrays.sort(samples);
      return (samples[SAMPLES / 2 - 1] + samples[SAMPLES / 2]) / 2;
    }
  }
}
