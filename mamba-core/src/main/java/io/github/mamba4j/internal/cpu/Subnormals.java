package io.github.mamba4j.internal.cpu;

/**
 * Whether this machine multiplies subnormal floats much slower than others: Intel's processors take
 * some hundred cycles, as an exception that microcode handles, AMD's next to none.
 */
final class Subnormals {
  private static final float LEAST = Float.MIN_VALUE;
  private static final int PRODUCTS = 256;
  private static final int REPETITIONS = 5;

  /**
   * True where loops do better without subnormal floats, at the price of some instructions. In the
   * interpreter, where this runs, a turn of the loop takes some 10 ns and the exception 30 more.
   */
  static final boolean SLOW = 2 * nanos(LEAST) > 3 * nanos(1);

  private Subnormals() {}

  /** Returns the time of some products with a number, the least of several. */
  private static long nanos(float factor) {
    long least = Long.MAX_VALUE;
    float sum = 0;
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
      long start = System.nanoTime();
      for (int i = 0; i < PRODUCTS; i++) {
        sum += factor * 3;
      }
      least = Math.min(least, System.nanoTime() - start);
    }
    // The sum is part of the result, so that no compiler leaves the loop out.
    return Float.isNaN(sum) ? 0 : least;
  }
}
