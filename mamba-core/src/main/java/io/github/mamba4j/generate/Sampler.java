package io.github.mamba4j.generate;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * Chooses the next token from one row of logits.
 *
 * <p>The order of the steps:
 *
 * <ol>
 *   <li>repetition penalty, once for every distinct token of the history: a negative logit is
 *       multiplied by it, any other divided;
 *   <li>greedy: the largest logit wins, and nothing of the rest happens;
 *   <li>top-k: the k largest logits stay;
 *   <li>temperature: logits are divided by it, and their softmax over the tokens that stayed gives
 *       the probabilities;
 *   <li>min-p: tokens stay whose probability is at least min-p times the largest one;
 *   <li>top-p: with the probabilities normalised over what stayed, in ascending order, tokens are
 *       dropped while their cumulative sum is at most 1 - top-p; the most likely one always stays;
 *   <li>one draw from the normalised rest.
 * </ol>
 *
 * <p>Of equal logits the lowest id comes first everywhere. A logit of negative infinity forbids its
 * token. Draws are counter-based: draw number n is a hash of the seed and n, so saving {@link
 * #drawIndex()} is saving the generator.
 *
 * <p>A call takes time linear in the vocabulary (plus a logarithm of it for every token that top-k
 * or top-p keeps) and allocates nothing. Not thread-safe: one sampler a text.
 */
public final class Sampler {

  /** The golden-ratio increment of SplitMix64 (Steele, Lea and Flood 2014, figure 17). */
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  private static final double UNIT = 0x1p-53;

  private final SamplingOptions options;
  private final int vocabSize;

  /** The logits as given; {@code scores} is the same array unless a penalty changes them. */
  private final float[] raw;

  private final float[] scores;

  /** Probabilities relative to the most likely token, by token id; set for candidates only. */
  private final double[] weights;

  /** Candidate token ids. */
  private final int[] ids;

  private final long hashedSeed;
  private long drawIndex;
  private int chosen = -1;

  /**
   * Creates a sampler with its scratch memory, 16 to 20 bytes a token of the vocabulary.
   *
   * @param options how to choose
   * @param vocabSize the number of real tokens, positive; rows may be longer (padding), what lies
   *     beyond is never chosen
   * @throws IllegalArgumentException if the vocabulary is empty
   */
  public Sampler(SamplingOptions options, int vocabSize) {
    if (vocabSize <= 0) {
      throw new IllegalArgumentException("Sampler: vocabSize must be positive, got " + vocabSize);
    }
    this.options = options;
    this.vocabSize = vocabSize;
    this.raw = new float[vocabSize];
    this.scores = options.repetitionPenalty() == 1.0 ? raw : new float[vocabSize];
    this.weights = new double[options.isGreedy() ? 0 : vocabSize];
    this.ids = new int[options.isGreedy() ? 0 : vocabSize];
    this.hashedSeed = mix(options.seed());
  }

  /**
   * Chooses a token. The history is read only; the caller adds the token to it.
   *
   * @param logits native-order float32 scores, at least {@code vocabSize} from the offset on; not
   *     changed
   * @param offsetBytes where the row begins
   * @param history the tokens so far, prompt included
   * @return a token id from 0 to {@code vocabSize - 1}
   * @throws IllegalArgumentException if the row is shorter than the vocabulary
   * @throws IllegalStateException if a logit is NaN or positive infinity, or all are negative
   *     infinity; the model has diverged then
   */
  public int next(MemorySegment logits, long offsetBytes, TokenHistory history) {
    checkLength((logits.byteSize() - offsetBytes) / Float.BYTES);
    MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT_UNALIGNED, offsetBytes, raw, 0, vocabSize);
    return choose(history);
  }

  /**
   * Chooses a token. The history is read only; the caller adds the token to it.
   *
   * @param logits scores, at least {@code vocabSize}; not changed
   * @param history the tokens so far, prompt included
   * @return a token id from 0 to {@code vocabSize - 1}
   * @throws IllegalArgumentException if the row is shorter than the vocabulary
   * @throws IllegalStateException if a logit is NaN or positive infinity, or all are negative
   *     infinity; the model has diverged then
   */
  public int next(float[] logits, TokenHistory history) {
    checkLength(logits.length);
    System.arraycopy(logits, 0, raw, 0, vocabSize);
    return choose(history);
  }

  /**
   * The log-probability of the token chosen last under the model's own distribution: the softmax of
   * the logits as given, before penalty, temperature and filters. Computed when asked for.
   *
   * @return the natural logarithm, at most 0
   * @throws IllegalStateException if nothing has been chosen yet
   */
  public double logProbability() {
    if (chosen < 0) {
      throw new IllegalStateException("Sampler: no token has been chosen yet, call next first");
    }
    double max = raw[argmax(raw)];
    double sum = 0;
    for (int id = 0; id < vocabSize; id++) {
      sum += Math.exp(raw[id] - max);
    }
    return raw[chosen] - max - Math.log(sum);
  }

  /**
   * How many tokens were chosen: the whole state of the random numbers.
   *
   * @return a number to give to {@link #resumeAt}
   */
  public long drawIndex() {
    return drawIndex;
  }

  /**
   * Continues the random numbers of an earlier sampler with the same seed.
   *
   * @param savedDrawIndex what that sampler's {@link #drawIndex()} returned, not negative
   * @throws IllegalArgumentException if the number is negative
   */
  public void resumeAt(long savedDrawIndex) {
    if (savedDrawIndex < 0) {
      throw new IllegalArgumentException(
          "Sampler: savedDrawIndex must not be negative, got " + savedDrawIndex);
    }
    drawIndex = savedDrawIndex;
  }

  private void checkLength(long length) {
    if (length < vocabSize) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "Sampler: logits has %d values, expected at least vocabSize = %d",
              length,
              vocabSize));
    }
  }

  private int choose(TokenHistory history) {
    checkFinite();
    penalise(history);
    int best = argmax(scores);
    float max = scores[best];
    if (!Float.isFinite(max)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT, "Sampler: the largest logit is %s, expected a finite one", max));
    }
    chosen = options.isGreedy() ? best : draw(max);
    drawIndex++;
    return chosen;
  }

  private void checkFinite() {
    for (int id = 0; id < vocabSize; id++) {
      // false for NaN as well
      if (!(raw[id] < Float.POSITIVE_INFINITY)) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT,
                "Sampler: logits[%d] is %s, expected a finite number; the model has diverged",
                id,
                raw[id]));
      }
    }
  }

  private void penalise(TokenHistory history) {
    if (options.repetitionPenalty() == 1.0) {
      return;
    }
    System.arraycopy(raw, 0, scores, 0, vocabSize);
    double penalty = options.repetitionPenalty();
    for (int i = 0; i < history.distinctSize(); i++) {
      int id = history.distinct(i);
      if (id < vocabSize) {
        double score = scores[id];
        scores[id] = (float) (score < 0 ? score * penalty : score / penalty);
      }
    }
  }

  private static int argmax(float[] values) {
    int best = 0;
    for (int id = 1; id < values.length; id++) {
      if (values[id] > values[best]) {
        best = id;
      }
    }
    return best;
  }

  /**
   * All filters keep a prefix of the tokens sorted by score, so none needs the whole order: tokens
   * are popped from a heap into the end of {@code ids}, the largest last, until enough are there.
   */
  private int draw(float max) {
    int end = collectCandidates();
    int from = 0;
    if (options.topK() > 0 && options.topK() < end) {
      from = popLargest(end, options.topK());
      weigh(from, end, max);
      while (weights[ids[from]] < options.minP()) {
        from++;
      }
      if (options.topP() < 1) {
        double target = options.topP() * mass(from, end);
        double sum = 0;
        int start = end;
        while (start > from && sum < target) {
          sum += weights[ids[--start]];
        }
        from = start;
      }
    } else {
      weigh(0, end, max);
      end = dropBelow(options.minP(), end);
      if (options.topP() < 1) {
        double mass = mass(0, end);
        // all tokens this light weigh less than 1 - topP together, so the heap need not hold them
        end = dropBelow(0.999 * (1 - options.topP()) * mass / end, end);
        heapify(end);
        double sum = 0;
        for (from = end; from > 0 && sum < options.topP() * mass; ) {
          popTo(--from);
          sum += weights[ids[from]];
        }
      }
    }
    return pick(from, end);
  }

  /**
   * Puts the allowed tokens into {@code ids} and returns their number. With top-k, tokens worse
   * than k others may be left out: whenever a buffer is full, the k best of it set the bar for the
   * rest.
   */
  private int collectCandidates() {
    int k = options.topK();
    int capacity = k == 0 ? vocabSize : (int) Math.min(vocabSize, 4L * k + 1024);
    int count = 0;
    int bar = -1;
    for (int id = 0; id < vocabSize; id++) {
      if (scores[id] > Float.NEGATIVE_INFINITY && (bar < 0 || isBefore(id, bar))) {
        if (count == capacity) {
          System.arraycopy(ids, popLargest(count, k), ids, 0, k);
          bar = ids[0];
          count = k;
        }
        ids[count++] = id;
      }
    }
    return count;
  }

  private void weigh(int from, int end, float max) {
    double scale = 1 / options.temperature();
    for (int i = from; i < end; i++) {
      int id = ids[i];
      // equal scores weigh 1 even where the scale is infinite
      weights[id] = scores[id] == max ? 1 : Math.exp(((double) scores[id] - max) * scale);
    }
  }

  private int dropBelow(double smallest, int end) {
    if (smallest == 0) {
      return end;
    }
    int kept = 0;
    for (int i = 0; i < end; i++) {
      if (weights[ids[i]] >= smallest) {
        ids[kept++] = ids[i];
      }
    }
    return kept;
  }

  /** Summed from the end, as {@link #pick} walks, so that both meet the same rounding. */
  private double mass(int from, int end) {
    double sum = 0;
    for (int i = end - 1; i >= from; i--) {
      sum += weights[ids[i]];
    }
    return sum;
  }

  private int pick(int from, int end) {
    double target = unit(hashedSeed, drawIndex) * mass(from, end);
    double sum = 0;
    for (int i = end - 1; i > from; i--) {
      sum += weights[ids[i]];
      if (target < sum) {
        return ids[i];
      }
    }
    return ids[from];
  }

  private boolean isBefore(int a, int b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  }

  /** Moves the largest of the first {@code count} to their end, sorted, and returns their start. */
  private int popLargest(int count, int largest) {
    heapify(count);
    int from = count;
    while (from > count - largest) {
      popTo(--from);
    }
    return from;
  }

  private void heapify(int count) {
    for (int root = count / 2 - 1; root >= 0; root--) {
      siftDown(root, count);
    }
  }

  /** Moves the first of the heap [0, last] to its end, and leaves the heap [0, last). */
  private void popTo(int last) {
    int top = ids[0];
    ids[0] = ids[last];
    ids[last] = top;
    siftDown(0, last);
  }

  private void siftDown(int root, int count) {
    int id = ids[root];
    int hole = root;
    for (int child = 2 * hole + 1; child < count; child = 2 * hole + 1) {
      if (child + 1 < count && isBefore(ids[child + 1], ids[child])) {
        child++;
      }
      if (!isBefore(ids[child], id)) {
        break;
      }
      ids[hole] = ids[child];
      hole = child;
    }
    ids[hole] = id;
  }

  /** Draw number {@code index} of a seed: uniform in [0, 1), a multiple of 2^-53. */
  static double unit(long hashedSeed, long index) {
    return (mix(hashedSeed + (index + 1) * GOLDEN) >>> 11) * UNIT;
  }

  /** The finaliser of SplitMix64. */
  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
