package io.github.mamba4j.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Remembers states after beginnings of prompts, so that a beginning which many prompts share is
 * read once.
 *
 * <p>A prompt is cut after every {@link InferenceState#pieceLength}, as {@link
 * InferenceState#prefill(int...)} cuts it, and where the caller says so; the state at each cut is
 * kept, in host memory, and the ones used least recently are dropped when there are too many bytes.
 * What is found depends on tokens and cuts, so that a state from the cache has the bits of one that
 * has read the same pieces without it.
 *
 * <p>Safe for use by several threads. Whatever changes the model's parameters must be followed by
 * {@link #clear()}.
 */
public final class PrefixCache implements AutoCloseable {
  private final MambaModel model;
  private final long maxBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Prefix, Snapshot> snapshots = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;
  private long hitTokens;
  private long missTokens;
  private boolean closed;

  /**
   * What was read, as a chain of pieces; chains share their beginnings. Two are equal if their
   * pieces are.
   */
  private static final class Prefix {
    private final @Nullable Prefix before;
    private final int[] piece;
    private final long length;
    private final int hash;

    Prefix(@Nullable Prefix before, int[] piece) {
      this.before = before;
      this.piece = piece;
      this.length = (before == null ? 0 : before.length) + piece.length;
      this.hash = 31 * (before == null ? 1 : before.hash) + Arrays.hashCode(piece);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    /** In a loop, because a long prompt is a chain of thousands. */
    @Override
    public boolean equals(@Nullable Object other) {
      if (!(other instanceof Prefix)) {
        return false;
      }
      Prefix one = this;
      Prefix two = (Prefix) other;
      while (one != two) {
        if (one == null
            || two == null
            || one.hash != two.hash
            || one.length != two.length
            || !Arrays.equals(one.piece, two.piece)) {
          return false;
        }
        one = one.before;
        two = two.before;
      }
      return true;
    }
  }

  private static final class Snapshot {
    private final Arena arena = Arena.ofShared();
    private final Prefix prefix;
    private final MemorySegment row;
    private final long bytes;

    Snapshot(Prefix prefix, InferenceState state) {
      this.prefix = prefix;
      row = arena.allocate(state.rows().rowBytes(), Float.BYTES);
      state.rows().readRow(0, row);
      bytes = row.byteSize() + (long) prefix.piece.length * Integer.BYTES;
    }
  }

  /**
   * Makes an empty cache.
   *
   * @param model the model that reads the prompts
   * @param maxBytes most host memory for kept states, in bytes, positive; each takes that of {@link
   *     InferenceState} for one sequence and a row of logits
   * @throws IllegalArgumentException if maxBytes is not positive
   */
  public PrefixCache(MambaModel model, long maxBytes) {
    if (maxBytes <= 0) {
      throw new IllegalArgumentException("PrefixCache: maxBytes must be positive, got " + maxBytes);
    }
    this.model = model;
    this.maxBytes = maxBytes;
  }

  /**
   * Reads a prompt, as much of it as is not known from an earlier one.
   *
   * <p>With several parts the prompt is also cut between them, so that a first part of any length,
   * such as a system prompt, is found again. The result has the bits that {@link
   * InferenceState#prefill(int...)} of one part after the other gives.
   *
   * @param parts token ids, each in [0, vocabulary); empty parts do nothing
   * @return a state of one sequence that has read all parts, to be closed by the caller before the
   *     model
   * @throws IllegalArgumentException if a token does not exist
   * @throws IllegalStateException if the cache is closed
   */
  public InferenceState prefill(int[]... parts) {
    for (int[] part : parts) {
      model.requireTokens(part);
    }
    List<Prefix> prefixes = cut(parts);
    InferenceState state = model.newState();
    try {
      int known = restore(prefixes, state);
      for (int i = known; i < prefixes.size(); i++) {
        // Chained anew to what was found, so that prompts with one beginning share its tokens.
        Prefix prefix = new Prefix(i == 0 ? null : prefixes.get(i - 1), prefixes.get(i).piece);
        prefixes.set(i, prefix);
        state.prefill(prefix.piece);
        keep(prefix, state);
      }
      return state;
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private List<Prefix> cut(int[][] parts) {
    List<Prefix> prefixes = new ArrayList<>();
    Prefix before = null;
    int pieceLength = model.device().pieceLength();
    for (int[] part : parts) {
      for (int start = 0; start < part.length; start += pieceLength) {
        int end = Math.min(part.length, start + pieceLength);
        before = new Prefix(before, Arrays.copyOfRange(part, start, end));
        prefixes.add(before);
      }
    }
    return prefixes;
  }

  /** Fills a state with the longest prefix that is known; returns how many pieces that were. */
  private int restore(List<Prefix> prefixes, InferenceState state) {
    lock.lock();
    try {
      requireOpen();
      for (int known = prefixes.size(); known > 0; known--) {
        Prefix prefix = prefixes.get(known - 1);
        Snapshot snapshot = snapshots.get(prefix);
        if (snapshot != null) {
          prefixes.set(known - 1, snapshot.prefix);
          state.rows().writeRow(0, snapshot.row, prefix.length);
          hitTokens += prefix.length;
          missTokens += prefixes.getLast().length - prefix.length;
          return known;
        }
      }
      missTokens += prefixes.isEmpty() ? 0 : prefixes.getLast().length;
      return 0;
    } finally {
      lock.unlock();
    }
  }

  private void keep(Prefix prefix, InferenceState state) {
    Snapshot snapshot = new Snapshot(prefix, state);
    lock.lock();
    try {
      if (closed || snapshot.bytes > maxBytes || snapshots.containsKey(prefix)) {
        snapshot.arena.close();
        return;
      }
      snapshots.put(prefix, snapshot);
      bytes += snapshot.bytes;
      var eldest = snapshots.values().iterator();
      while (bytes > maxBytes) {
        Snapshot dropped = eldest.next();
        eldest.remove();
        bytes -= dropped.bytes;
        dropped.arena.close();
      }
    } finally {
      lock.unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("PrefixCache: is closed");
    }
  }

  /**
   * Returns the host memory of the kept states.
   *
   * @return bytes, at most what the cache was made for
   */
  public long bytes() {
    lock.lock();
    try {
      return bytes;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns how many tokens of prompts were found here.
   *
   * @return the count since the cache was made
   */
  public long hitTokens() {
    lock.lock();
    try {
      return hitTokens;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns how many tokens of prompts had to be read.
   *
   * @return the count since the cache was made
   */
  public long missTokens() {
    lock.lock();
    try {
      return missTokens;
    } finally {
      lock.unlock();
    }
  }

  /** Drops all states. */
  public void clear() {
    lock.lock();
    try {
      snapshots.values().forEach(snapshot -> snapshot.arena.close());
      snapshots.clear();
      bytes = 0;
    } finally {
      lock.unlock();
    }
  }

  /** Drops all states for good. States that were handed out stay open. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      clear();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "PrefixCache with " + bytes() + " of " + maxBytes + " bytes";
  }
}
