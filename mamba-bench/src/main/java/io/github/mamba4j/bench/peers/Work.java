package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.util.List;

/** A kind of work that is compared. */
interface Work {
  /**
   * A piece of the work with figures of its own.
   *
   * @param name what contestants are told
   * @param unit of the results; {@code ms} if they are times
   * @param amount how many of that unit there are in one time (tokens, operations · 10⁻⁹, …)
   * @param tolerance how far values of the contestants may lie apart, relative to the largest
   */
  record Cell(String name, String unit, double amount, double tolerance) {
    /** The unit of a cell whose figures are times and not rates. */
    static final String MILLIS = "ms";

    /** Returns a cell whose figures are times. */
    static Cell time(String name, double tolerance) {
      return new Cell(name, MILLIS, 1, tolerance);
    }
  }

  /**
   * Returns what one set of processes does, one after the other.
   *
   * @param options what is asked for
   */
  List<Cell> cells(PeerOptions options);

  /**
   * Returns those who do it.
   *
   * @param options what is asked for
   */
  List<Entry> entries(PeerOptions options);

  /** Returns how long each contestant runs before it is measured, in seconds. */
  int warmUpSeconds();

  /** Makes the files that the contestants need. */
  default void makeFiles(PeerOptions options) throws IOException {}

  /** Returns whether each time is a process of its own, from its start. */
  default boolean cold() {
    return false;
  }
}
