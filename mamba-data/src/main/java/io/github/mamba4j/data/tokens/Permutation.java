package io.github.mamba4j.data.tokens;

/**
 * A pseudo-random permutation of 0 to n - 1 that is computed, not stored: asking for one element
 * costs a few multiplications and no memory, for any n, in any order, where a shuffled array would
 * take 4 or 8 bytes an element and be made anew each epoch.
 *
 * <p>A Feistel network over two halves of equally many bits permutes the next power of four; an
 * image that is not below n is permuted again until it is (Black and Rogaway 2002, cycle walking),
 * four times at most on average but for tiny n. Six rounds with a 64-bit mixer (Luby and Rackoff
 * 1988 need four with ideal functions).
 */
final class Permutation {

  private static final int ROUNDS = 6;

  /** Small domains are enlarged to this many bits a half: narrower ones would be poorly mixed. */
  private static final int LEAST_HALF_BITS = 4;

  private final long size;
  private final int halfBits;
  private final long halfMask;
  private final long[] keys = new long[ROUNDS];

  /**
   * Makes a permutation.
   *
   * @param size how many elements, 1 to 2⁶⁰
   * @param seed selects the family
   * @param index selects the permutation of the family, for example the epoch
   */
  Permutation(long size, long seed, long index) {
    this.size = size;
    int bits = 64 - Long.numberOfLeadingZeros(size - 1);
    this.halfBits = Math.max(LEAST_HALF_BITS, (bits + 1) / 2);
    this.halfMask = (1L << halfBits) - 1;
    long state = mix(seed) ^ mix(index + 0x632BE59BD9B4E019L);
    for (int round = 0; round < ROUNDS; round++) {
      state += 0x9E3779B97F4A7C15L;
      keys[round] = mix(state);
    }
  }

  /** The element at a place, 0 to size - 1. */
  long at(long place) {
    long value = place;
    do {
      value = permute(value);
    } while (value >= size);
    return value;
  }

  private long permute(long value) {
    long left = value >>> halfBits;
    long right = value & halfMask;
    for (long key : keys) {
      long next = left ^ (mix(right ^ key) & halfMask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** The finalizer of SplitMix64 (Steele, Lea and Flood 2014). */
  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
