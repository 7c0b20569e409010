package io.github.mamba4j.bench;

import java.util.Locale;
import java.util.Random;

/**
 * One matrix product of seeded random numbers, and what it must give.
 *
 * @param leftTransposed whether the transpose of the left factor is stored
 * @param rightTransposed whether the transpose of the right factor is stored
 * @param m rows of the result
 * @param n columns of the result
 * @param k length of the sums
 */
public record MatmulCase(boolean leftTransposed, boolean rightTransposed, int m, int n, int k) {
  private static final long CHECKED_PRODUCTS = 1L << 28;

  /**
   * Reads a product.
   *
   * @param text how both factors are stored (N or T each), m, n and k, as in {@code NT 2048 1024
   *     256}; further words do not count
   */
  public static MatmulCase parse(String text) {
    String[] words = text.split(" ", -1);
    return new MatmulCase(
        words[0].charAt(0) == 'T',
        words[0].charAt(1) == 'T',
        Integer.parseInt(words[1]),
        Integer.parseInt(words[2]),
        Integer.parseInt(words[3]));
  }

  /** Returns the multiplications and additions. */
  public long flops() {
    return 2L * m * n * k;
  }

  /** Returns the left factor as it is stored. */
  public float[] left() {
    return random(m * k, 1);
  }

  /** Returns the right factor as it is stored. */
  public float[] right() {
    return random(k * n, 2);
  }

  /** Returns the columns of the left factor as it is stored. */
  public int leftCols() {
    return leftTransposed ? m : k;
  }

  /** Returns the columns of the right factor as it is stored. */
  public int rightCols() {
    return rightTransposed ? k : n;
  }

  private static float[] random(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  /**
   * Compares rows of a result, as many as take a moment, with sums in double precision.
   *
   * @param result [m, n]
   * @throws IllegalStateException if an element is too far off
   */
  public void check(float[] result) {
    float[] left = left();
    float[] right = right();
    long rows = Math.clamp(CHECKED_PRODUCTS / ((long) n * k), 1, m);
    for (long r = 0; r < rows; r++) {
      int i = (int) (r * m / rows);
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int p = 0; p < k; p++) {
          double x = left[leftTransposed ? p * m + i : i * k + p];
          sum += x * right[rightTransposed ? j * k + p : p * n + j];
        }
        if (!(Math.abs(sum - result[i * n + j]) < 1e-6 * k)) {
          throw new IllegalStateException(
              String.format(
                  Locale.ROOT,
                  "MatmulCase: element [%d, %d] of %s is %s, expected %s",
                  i,
                  j,
                  this,
                  result[i * n + j],
                  sum));
        }
      }
    }
  }
}
