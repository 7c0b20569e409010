package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.peers.Figure.Sample;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Takes samples of several works in turn, A B C A B C, each between two calibrations, until each
 * has enough that were taken while the machine was steady.
 */
final class Interleaved {
  private static final int MOST_ROUNDS = 3;

  private final Runnable pause;
  private final DoubleSupplier calibration;
  private final int rounds;
  private final double steady;
  private final Map<String, List<Sample>> samples = new LinkedHashMap<>();

  /**
   * Prepares to measure.
   *
   * @param pause waits until nothing of what ran before uses a processor
   * @param calibration measures the machine's arithmetic rate
   * @param rounds samples that are wanted of each work; up to three times as many are taken
   * @param steady the share of the usual arithmetic rate below which a sample is dropped, in [0, 1]
   */
  Interleaved(Runnable pause, DoubleSupplier calibration, int rounds, double steady) {
    this.pause = pause;
    this.calibration = calibration;
    this.rounds = rounds;
    this.steady = steady;
  }

  /**
   * Measures.
   *
   * @param works what to measure by name; each returns the seconds it took
   */
  void run(Map<String, DoubleSupplier> works) {
    for (int round = 0; round < MOST_ROUNDS * rounds; round++) {
      if (round >= rounds && works.keySet().stream().allMatch(this::enough)) {
        return;
      }
      works.forEach(
          (name, work) -> samples.computeIfAbsent(name, _ -> new ArrayList<>()).add(sample(work)));
    }
  }

  private boolean enough(String name) {
    return figure(name).kept().size() >= rounds;
  }

  private Sample sample(DoubleSupplier work) {
    pause.run();
    double before = calibration.getAsDouble();
    double seconds = work.getAsDouble();
    pause.run();
    return new Sample(seconds, before, calibration.getAsDouble());
  }

  /** Returns the machine's usual arithmetic rate over all samples. */
  double usual() {
    return Figure.usual(samples.values().stream().flatMap(List::stream).toList());
  }

  /** Returns the result of a work. */
  Figure figure(String name) {
    List<Sample> own = samples.get(name);
    if (own == null) {
      throw new IllegalArgumentException("Interleaved: nothing is called " + name);
    }
    return Figure.of(own, usual(), steady);
  }

  /** Returns the result of a work as JSON, with all samples and the calibrations around them. */
  Map<String, Object> json(String name) {
    Map<String, Object> json = figure(name).json();
    List<Object> all = new ArrayList<>();
    for (Sample sample : samples.getOrDefault(name, List.of())) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("seconds", sample.seconds());
      one.put("flopsPerSecondBefore", sample.before());
      one.put("flopsPerSecondAfter", sample.after());
      all.add(one);
    }
    json.put("samples", all);
    return json;
  }
}
