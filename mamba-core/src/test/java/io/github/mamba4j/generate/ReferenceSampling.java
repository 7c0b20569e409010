package io.github.mamba4j.generate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The exact distribution that options describe, by full sorts, sharing no code with the sampler.
 */
final class ReferenceSampling {

  private ReferenceSampling() {}

  /** The probability of every token. */
  static double[] distribution(float[] logits, SamplingOptions options, int... history) {
    double[] scores = new double[logits.length];
    Set<Integer> previous = new HashSet<>();
    for (int token : history) {
      previous.add(token);
    }
    for (int id = 0; id < logits.length; id++) {
      double score = logits[id];
      if (previous.contains(id)) {
        double p = options.repetitionPenalty();
        score = (float) (score < 0 ? score * p : score / p);
      }
      scores[id] = score;
    }
    List<Integer> kept = new ArrayList<>();
    for (int id = 0; id < logits.length; id++) {
      kept.add(id);
    }
    Comparator<Integer> descending =
        Comparator.<Integer>comparingDouble(id -> -scores[id]).thenComparing(id -> id);
    kept.sort(descending);
    if (options.topK() > 0 && options.topK() < kept.size()) {
      kept = new ArrayList<>(kept.subList(0, options.topK()));
    }
    for (int id = 0; id < scores.length; id++) {
      scores[id] /= options.temperature();
    }
    double[] byTemperature = softmax(scores, kept);
    double largest = byTemperature[kept.getFirst()];
    kept.removeIf(id -> byTemperature[id] < options.minP() * largest);
    double[] probabilities = softmax(scores, kept);
    List<Integer> nucleus = new ArrayList<>(kept);
    if (options.topP() < 1) {
      double cumulative = 0;
      for (int i = kept.size() - 1; i > 0; i--) {
        cumulative += probabilities[kept.get(i)];
        if (cumulative <= 1 - options.topP()) {
          int dropped = kept.get(i);
          nucleus.removeIf(id -> id == dropped);
        }
      }
    }
    return softmax(scores, nucleus);
  }

  private static double[] softmax(double[] scores, List<Integer> ids) {
    double max = ids.stream().mapToDouble(id -> scores[id]).max().orElseThrow();
    double sum = ids.stream().mapToDouble(id -> Math.exp(scores[id] - max)).sum();
    double[] result = new double[scores.length];
    for (int id : ids) {
      result[id] = Math.exp(scores[id] - max) / sum;
    }
    return result;
  }
}
