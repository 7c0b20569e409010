package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;

/**
 * A binary heap of (count, pair) with the highest count on top and, of equal ones, the smallest
 * pair. It is never updated: a pair whose count rose is pushed again, and who pops an entry
 * compares it with the count of today.
 */
final class PairHeap {

  private long[] counts = new long[1 << 10];
  private long[] pairs = new long[1 << 10];
  private int size;

  boolean isEmpty() {
    return size == 0;
  }

  long topCount() {
    return counts[0];
  }

  long topPair() {
    return pairs[0];
  }

  void push(long count, long pair) {
    if (size == counts.length) {
      counts = Arrays.copyOf(counts, size + (size >> 1));
      pairs = Arrays.copyOf(pairs, size + (size >> 1));
    }
    int at = size++;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (!before(count, pair, counts[parent], pairs[parent])) {
        break;
      }
      counts[at] = counts[parent];
      pairs[at] = pairs[parent];
      at = parent;
    }
    counts[at] = count;
    pairs[at] = pair;
  }

  void pop() {
    size--;
    if (size == 0) {
      return;
    }
    long count = counts[size];
    long pair = pairs[size];
    int at = 0;
    for (int child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size
          && before(counts[child + 1], pairs[child + 1], counts[child], pairs[child])) {
        child++;
      }
      if (!before(counts[child], pairs[child], count, pair)) {
        break;
      }
      counts[at] = counts[child];
      pairs[at] = pairs[child];
      at = child;
    }
    counts[at] = count;
    pairs[at] = pair;
  }

  private static boolean before(long count, long pair, long otherCount, long otherPair) {
    return count > otherCount || (count == otherCount && pair < otherPair);
  }
}
