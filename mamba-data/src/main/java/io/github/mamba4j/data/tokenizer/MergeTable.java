package io.github.mamba4j.data.tokenizer;

/**
 * The merges of a BPE: a pair of token ids to its rank and to the token it becomes. Applying them
 * repeats one step until no pair of neighbours has a merge: merge the pair of lowest rank, of equal
 * ones the leftmost (Sennrich et al. 2016, algorithm 1).
 *
 * <p>Short pieces look for the lowest rank by walking over all pairs, O(n²) on two small arrays;
 * long ones keep the candidates in a heap over a linked list, O(n log n), so that a text without a
 * single space is no trap.
 */
final class MergeTable {

  /** The answer for a pair without a merge; above every rank. */
  static final long NONE = Long.MAX_VALUE;

  /**
   * Pieces of more symbols than this go through the heap; both ways are equally fast about here.
   */
  private static final int HEAP_FROM = 96;

  private static final long EMPTY = -1;

  private final long[] pairs;
  private final int[] newIds;
  private final long[] slots;
  private final int mask;

  /**
   * Takes the merges in the order of their ranks.
   *
   * @param pairs the pairs, left id in the upper half and right id in the lower
   * @param newIds the token each pair becomes
   */
  MergeTable(long[] pairs, int[] newIds) {
    this.pairs = pairs;
    this.newIds = newIds;
    int capacity = Integer.highestOneBit(Math.max(8, pairs.length * 2)) * 2;
    this.mask = capacity - 1;
    this.slots = new long[2 * capacity];
    java.util.Arrays.fill(slots, EMPTY);
    for (int rank = 0; rank < pairs.length; rank++) {
      int slot = slotOf(pairs[rank]);
      while (slots[2 * slot] != EMPTY && slots[2 * slot] != pairs[rank]) {
        slot = (slot + 1) & mask;
      }
      // A pair that is there twice counts at its later place, as in the Python library.
      slots[2 * slot] = pairs[rank];
      slots[2 * slot + 1] = ((long) rank << 32) | newIds[rank];
    }
  }

  static long pair(int left, int right) {
    return ((long) left << 32) | right;
  }

  int size() {
    return pairs.length;
  }

  long pairAt(int rank) {
    return pairs[rank];
  }

  int newIdAt(int rank) {
    return newIds[rank];
  }

  private int slotOf(long pair) {
    long h = pair * 0x9E3779B97F4A7C15L;
    return (int) (h >>> 32) & mask;
  }

  /** Rank in the upper half and new token in the lower, or {@link #NONE}. */
  long find(int left, int right) {
    long pair = pair(left, right);
    int slot = slotOf(pair);
    while (true) {
      long key = slots[2 * slot];
      if (key == pair) {
        return slots[2 * slot + 1];
      }
      if (key == EMPTY) {
        return NONE;
      }
      slot = (slot + 1) & mask;
    }
  }

  /**
   * Merges in place.
   *
   * @param ids the symbols of a piece, overwritten by its tokens
   * @param count how many symbols there are
   * @return how many tokens there are
   */
  int apply(int[] ids, int count) {
    if (count < 2) {
      return count;
    }
    return count > HEAP_FROM ? LongPiece.merge(this, ids, count) : applyShort(ids, count);
  }

  private int applyShort(int[] ids, int count) {
    long[] merges = new long[count - 1];
    for (int i = 0; i < count - 1; i++) {
      merges[i] = find(ids[i], ids[i + 1]);
    }
    int n = count;
    while (n > 1) {
      int best = 0;
      long lowest = merges[0];
      for (int i = 1; i < n - 1; i++) {
        if (merges[i] < lowest) {
          lowest = merges[i];
          best = i;
        }
      }
      if (lowest == NONE) {
        break;
      }
      ids[best] = (int) lowest;
      n--;
      System.arraycopy(ids, best + 2, ids, best + 1, n - best - 1);
      if (best < n - 1) {
        System.arraycopy(merges, best + 1, merges, best, n - 1 - best);
        merges[best] = find(ids[best], ids[best + 1]);
      }
      if (best > 0) {
        merges[best - 1] = find(ids[best - 1], ids[best]);
      }
    }
    return n;
  }
}
