package io.github.mamba4j.bench.peers;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Samples of one time, without those beside which the machine was slower than usual.
 *
 * @param kept the samples that count, ascending
 * @param taken how many there were
 */
record Figure(List<Double> kept, int taken) {
  private static final double USUAL_QUANTILE = 0.9;

  /**
   * One measurement between two calibrations.
   *
   * @param seconds the result
   * @param before the machine's arithmetic rate before it
   * @param after the machine's arithmetic rate after it
   */
  record Sample(double seconds, double before, double after) {
    private double calibration() {
      return Math.min(before, after);
    }
  }

  /** Returns the arithmetic rate that only a tenth of the calibrations exceed. */
  static double usual(List<Sample> samples) {
    double[] rates =
        samples.stream()
            .flatMap(sample -> List.of(sample.before, sample.after).stream())
            .mapToDouble(Double::doubleValue)
            .sorted()
            .toArray();
    return rates.length == 0 ? 0 : rates[(int) (USUAL_QUANTILE * (rates.length - 1))];
  }

  /**
   * Keeps the samples that were taken at the usual rate.
   *
   * @param samples all samples of one kind
   * @param usual the machine's usual arithmetic rate, see {@link #usual}
   * @param steady the share of that rate below which a sample is dropped, in [0, 1]
   */
  static Figure of(List<Sample> samples, double usual, double steady) {
    List<Double> kept =
        samples.stream()
            .filter(sample -> sample.calibration() >= steady * usual)
            .map(Sample::seconds)
            .sorted()
            .toList();
    return new Figure(kept, samples.size());
  }

  /** Keeps all samples. */
  static Figure of(double... seconds) {
    return new Figure(Arrays.stream(seconds).sorted().boxed().toList(), seconds.length);
  }

  /** Returns the median of samples, NaN if there are none. */
  private static double median(double[] samples) {
    if (samples.length == 0) {
      return Double.NaN;
    }
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** Returns the median of what is kept, NaN if that is nothing. */
  double median() {
    return median(kept.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** Returns the figure as JSON; without kept samples it has no median. */
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    if (!kept.isEmpty()) {
      json.put("median", median());
      json.put("low", kept.getFirst());
      json.put("high", kept.getLast());
    }
    json.put("kept", kept.size());
    json.put("taken", taken);
    return json;
  }
}
