package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;

/** For each pair of symbols: how often it occurs, and the words it occurs in or once did. */
final class PairIndex {

  private static final int FREE = -1;
  private static final int[] NO_WORDS = {};

  private long[] pairs = new long[1 << 12];
  private long[] counts = new long[1 << 12];
  private int[][] words = new int[1 << 12][];
  private int[] wordCounts = new int[1 << 12];
  private int[] rounds = new int[1 << 12];
  private int size;
  private int[] slots = new int[1 << 14];

  PairIndex() {
    Arrays.fill(slots, FREE);
  }

  int size() {
    return size;
  }

  long pair(int entry) {
    return pairs[entry];
  }

  long count(int entry) {
    return counts[entry];
  }

  /** The words, not to be changed; only the first {@link #wordCount} of them count. */
  int[] words(int entry) {
    return words[entry];
  }

  int wordCount(int entry) {
    return wordCounts[entry];
  }

  /** The entry of the pair, made if there is none. */
  int entryOf(long pair) {
    int slot = slotOf(pair);
    for (int entry = slots[slot]; entry != FREE; entry = slots[slot]) {
      if (pairs[entry] == pair) {
        return entry;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    if (size == pairs.length) {
      int capacity = size + (size >> 1);
      pairs = Arrays.copyOf(pairs, capacity);
      counts = Arrays.copyOf(counts, capacity);
      words = Arrays.copyOf(words, capacity);
      wordCounts = Arrays.copyOf(wordCounts, capacity);
      rounds = Arrays.copyOf(rounds, capacity);
    }
    slots[slot] = size;
    pairs[size] = pair;
    words[size] = NO_WORDS;
    size++;
    if (2 * size > slots.length) {
      rehash();
    }
    return size - 1;
  }

  private int slotOf(long pair) {
    long h = pair * 0x9E3779B97F4A7C15L;
    return (int) (h >>> 32) & (slots.length - 1);
  }

  private void rehash() {
    slots = new int[slots.length * 2];
    Arrays.fill(slots, FREE);
    for (int entry = 0; entry < size; entry++) {
      int slot = slotOf(pairs[entry]);
      while (slots[slot] != FREE) {
        slot = (slot + 1) & (slots.length - 1);
      }
      slots[slot] = entry;
    }
  }

  void subtract(int entry, long count) {
    counts[entry] -= count;
  }

  void add(int entry, long count, int word) {
    counts[entry] += count;
    int n = wordCounts[entry];
    int[] list = words[entry];
    if (n > 0 && list[n - 1] == word) {
      return;
    }
    if (n == list.length) {
      list = Arrays.copyOf(list, Math.max(2, n + (n >> 1)));
      words[entry] = list;
    }
    list[n] = word;
    wordCounts[entry] = n + 1;
  }

  /** Whether this is the first call for the entry in this round; rounds are numbered from 1. */
  boolean firstIn(int round, int entry) {
    boolean first = rounds[entry] != round;
    rounds[entry] = round;
    return first;
  }

  /** Forgets a pair that was merged everywhere. */
  void clear(int entry) {
    counts[entry] = 0;
    words[entry] = NO_WORDS;
    wordCounts[entry] = 0;
  }
}
