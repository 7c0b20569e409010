package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;

/** How often each distinct piece occurred: a hash map from characters to counts in flat arrays. */
final class PieceCounts {

  /** Takes each entry of a map. */
  @FunctionalInterface
  interface Visitor {
    void visit(char[] text, int from, int to, long count);
  }

  private static final int FREE = -1;

  private char[] pool = new char[1 << 14];
  private int poolSize;
  private int[] starts = new int[1 << 10];
  private int[] hashes = new int[1 << 10];
  private long[] counts = new long[1 << 10];
  private int size;
  private int[] slots = new int[1 << 12];

  PieceCounts() {
    Arrays.fill(slots, FREE);
  }

  int size() {
    return size;
  }

  int chars() {
    return poolSize;
  }

  void add(char[] text, int from, int to, long count) {
    int hash = PieceCache.hash(text, from, to);
    hash ^= hash >>> 15;
    int slot = hash & (slots.length - 1);
    for (int entry = slots[slot]; entry != FREE; entry = slots[slot]) {
      if (hashes[entry] == hash && Arrays.equals(pool, starts[entry], end(entry), text, from, to)) {
        counts[entry] += count;
        return;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = size;
    append(text, from, to, hash, count);
    if (2 * size > slots.length) {
      rehash();
    }
  }

  private int end(int entry) {
    return entry + 1 < size ? starts[entry + 1] : poolSize;
  }

  private void append(char[] text, int from, int to, int hash, long count) {
    if (size == counts.length) {
      starts = Arrays.copyOf(starts, size + (size >> 1));
      hashes = Arrays.copyOf(hashes, size + (size >> 1));
      counts = Arrays.copyOf(counts, size + (size >> 1));
    }
    int needed = Math.addExact(poolSize, to - from);
    if (needed > pool.length) {
      pool = Arrays.copyOf(pool, (int) Math.max(needed, Math.min(1.5 * pool.length, 0x7fff_fff0)));
    }
    System.arraycopy(text, from, pool, poolSize, to - from);
    starts[size] = poolSize;
    hashes[size] = hash;
    counts[size] = count;
    poolSize = needed;
    size++;
  }

  private void rehash() {
    slots = new int[slots.length * 2];
    Arrays.fill(slots, FREE);
    for (int entry = 0; entry < size; entry++) {
      int slot = hashes[entry] & (slots.length - 1);
      while (slots[slot] != FREE) {
        slot = (slot + 1) & (slots.length - 1);
      }
      slots[slot] = entry;
    }
  }

  void addAll(PieceCounts other) {
    other.forEach(this::add);
  }

  void forEach(Visitor visitor) {
    for (int entry = 0; entry < size; entry++) {
      visitor.visit(pool, starts[entry], end(entry), counts[entry]);
    }
  }

  /** The entries that occurred more than {@code count} times. */
  PieceCounts above(long count) {
    PieceCounts kept = new PieceCounts();
    forEach((text, from, to, n) -> {
      if (n > count) {
        kept.add(text, from, to, n);
      }
    });
    return kept;
  }
}
