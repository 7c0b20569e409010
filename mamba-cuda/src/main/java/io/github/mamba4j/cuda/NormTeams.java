package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.View;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How the elements that are normalised together are spread over the threads of a team, as {@code
 * norm_rows.ptx} says; given by sizes alone, so that sums have the same order everywhere.
 *
 * @param n elements that are normalised together
 * @param vectors vectors of four elements that a thread holds
 * @param loop whether a row is longer than what the team's threads hold
 * @param threads threads of a team, a multiple of 32
 * @param teams teams of a block
 */
record NormTeams(int n, int vectors, boolean loop, int threads, int teams) {
  private static final int LANES = 4;
  private static final int WARP = 32;
  private static final int MOST_THREADS = 512;

  /** Warps that share a block where each has a row of its own. */
  private static final int MOST_TEAMS = 8;

  /** The most blocks of a forward pass: several times what a GPU holds, for an even end. */
  private static final int FORWARD_BLOCKS = 4096;

  /**
   * The most blocks of a backward pass, each with a row of partial sums, which are 3 % of the
   * traffic of 16,384 rows: eight for each of an H200's multiprocessors, so that those that do not
   * fit at once fill it again, or half as many where a block has a row for each warp.
   */
  private static final int BACKWARD_BLOCKS = 1056;

  /** The fewest rows of a team of a backward pass, for the same reason. */
  private static final int BACKWARD_ROWS = 2;

  /**
   * Returns the teams for a shape.
   *
   * @param n elements that are normalised together
   * @param rows rows
   */
  static NormTeams of(int n, int rows) {
    int quads = Math.ceilDiv(n, LANES);
    if (quads <= 4 * WARP) {
      int vectors = quads <= WARP ? 1 : quads <= 2 * WARP ? 2 : 4;
      return new NormTeams(n, vectors, false, WARP, Math.min(rows, MOST_TEAMS));
    }
    // Two vectors a thread while that makes no large block; four where it would, the most that
    // registers hold together with the sums of the weight's gradient.
    int vectors = quads <= MOST_THREADS || quads > 4 * MOST_THREADS ? 2 : 4;
    int warps = Math.ceilDiv(quads, vectors * WARP);
    boolean loop = warps * WARP > MOST_THREADS;
    return new NormTeams(n, vectors, loop, Math.min(warps * WARP, MOST_THREADS), 1);
  }

  /** Returns the grid of a forward pass, in which each group of columns has blocks of its own. */
  Grid forwardGrid(int rows, int groups) {
    return grid(groups * blocks(rows, groups, teams, FORWARD_BLOCKS));
  }

  /** Returns the grid of a backward pass. */
  Grid backwardGrid(int rows, int groups) {
    return grid(groups * backwardBlocks(rows, groups));
  }

  /** Returns how many rows of partial sums a backward pass has. */
  int backwardBlocks(int rows, int groups) {
    int most = threads == WARP ? BACKWARD_BLOCKS / 2 : BACKWARD_BLOCKS;
    return blocks(rows, groups, teams * BACKWARD_ROWS, most);
  }

  private static int blocks(int rows, int groups, int blockRows, int most) {
    return Math.clamp(Math.ceilDiv(rows, blockRows), 1, Math.max(1, most / groups));
  }

  private Grid grid(int blocks) {
    return new Grid(blocks, 1, threads, teams);
  }

  /** Returns whether rows of matrices, and vectors, can be read and written four by four. */
  boolean aligned(@Nullable View... views) {
    boolean aligned = n % LANES == 0;
    for (View view : views) {
      if (view != null) {
        long bytes = view.type().bytes(LANES);
        aligned &= DeviceMemory.address(view) % bytes == 0 && view.stride() % LANES == 0;
      }
    }
    return aligned;
  }

  /** Returns a vector as the row that all rows of a matrix share, as {@link #aligned} takes it. */
  static View shared(View vector) {
    return new View(vector.storage(), vector.type(), vector.offset(), 0);
  }

  /**
   * Returns the form of a file of kernels for these teams.
   *
   * @param family the file
   * @param aligned what {@link #aligned} says of everything that a thread's vectors are read from
   *     and written to
   * @param variables types and switches
   */
  PtxSource source(String family, boolean aligned, Map<String, String> variables) {
    Map<String, String> all = new TreeMap<>(variables);
    all.put("VECTORS", String.valueOf(vectors));
    all.put("LOOP", loop ? "1" : "0");
    all.put("ALIGNED", aligned ? "1" : "0");
    return new PtxSource(family, all);
  }
}
