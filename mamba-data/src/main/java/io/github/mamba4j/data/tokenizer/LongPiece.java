package io.github.mamba4j.data.tokenizer;

import java.util.PriorityQueue;

/** BPE merges of a piece of many symbols: a linked list and a heap of candidate merges. */
final class LongPiece {

  /** A merge that was possible when it was queued; it counts only if its symbols are unchanged. */
  private record Candidate(long merge, int at, int left, int right)
      implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      int byRank = Long.compare(merge, other.merge);
      return byRank != 0 ? byRank : Integer.compare(at, other.at);
    }
  }

  private static final int REMOVED = -1;

  private final MergeTable table;
  private final int[] ids;
  private final int[] next;
  private final int[] previous;
  private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

  private LongPiece(MergeTable table, int[] ids, int count) {
    this.table = table;
    this.ids = ids;
    this.next = new int[count];
    this.previous = new int[count];
    for (int i = 0; i < count; i++) {
      next[i] = i + 1 < count ? i + 1 : -1;
      previous[i] = i - 1;
    }
  }

  static int merge(MergeTable table, int[] ids, int count) {
    LongPiece piece = new LongPiece(table, ids, count);
    for (int i = 0; i + 1 < count; i++) {
      piece.offer(i);
    }
    piece.run();
    return piece.compact();
  }

  private void run() {
    for (Candidate c = queue.poll(); c != null; c = queue.poll()) {
      int at = c.at();
      int right = next[at];
      if (ids[at] != c.left() || right < 0 || ids[right] != c.right()) {
        continue;
      }
      ids[at] = (int) c.merge();
      ids[right] = REMOVED;
      next[at] = next[right];
      if (next[at] >= 0) {
        previous[next[at]] = at;
        offer(at);
      }
      if (previous[at] >= 0) {
        offer(previous[at]);
      }
    }
  }

  private void offer(int at) {
    int left = ids[at];
    int right = ids[next[at]];
    long merge = table.find(left, right);
    if (merge != MergeTable.NONE) {
      queue.add(new Candidate(merge, at, left, right));
    }
  }

  private int compact() {
    int n = 0;
    for (int at = 0; at >= 0; at = next[at]) {
      ids[n++] = ids[at];
    }
    return n;
  }
}
