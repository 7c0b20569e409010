package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.View;
import java.util.Map;

/**
 * Table lookups: the launches of {@code gather.ptx} and {@code gather_backward.ptx}.
 *
 * <p>The backward direction sorts the positions by id, in tiles and then eight runs at a time. A
 * block adds up a piece of the sorted positions; what an id has in later pieces than its first goes
 * through the workspace. So each gradient is read once, each row that is named read and written
 * once, and a row's sum is that of its gradients in the order of their positions, piece by piece.
 */
final class CudaGather implements GatherKernels {
  private static final int WARP = 32;

  /** Elements of a row that a warp copies, times the elements of a load. */
  private static final int PART = 4 * WARP;

  /** Positions that one block sorts. */
  private static final int MOST_TILE = 2048;

  private static final int LEAST_TILE = 2 * WARP;
  private static final int RUNS = 8;

  /** Sorted positions that a block adds up, at least and at most. */
  private static final int LEAST_PIECE = 16;

  private static final int MOST_PIECE = 256;

  /** Threads that keep a large GPU's memory busy; not the GPU at hand's, for the same sums. */
  private static final int ENOUGH_THREADS = 65_536;

  private static final int COLUMNS = 4;

  /** Bytes that the workspace is used from a multiple of on. */
  private static final int ALIGNMENT = 16;

  private final Launcher launcher;

  CudaGather(Launcher launcher) {
    this.launcher = launcher;
  }

  @Override
  public void lookup(Lookup lookup) {
    View table = lookup.table();
    int vector =
        table.type() == DType.INT8
                || Vectors.across(COLUMNS, lookup.width(), table, lookup.out()) < COLUMNS
            ? 1
            : COLUMNS;
    int parts = Math.ceilDiv(lookup.width(), PART * vector);
    Map<String, String> form =
        Map.of(
            "TABLE", Vectors.type(table),
            "T", Vectors.type(lookup.out()),
            "VECTOR", String.valueOf(vector));
    Arguments arguments =
        new Arguments()
            .matrix(lookup.out())
            .matrix(table)
            .pointer(lookup.ids())
            .number(lookup.count())
            .number(lookup.width())
            .number(parts);
    long threads = (long) lookup.count() * parts * WARP;
    launcher.launch(kernel("gather", form, "lookup"), blocks(threads, Grid.THREADS), arguments);
  }

  private static Kernel kernel(String family, Map<String, String> form, String name) {
    return new Kernel(new PtxSource(family, form), name);
  }

  private static Grid blocks(long threads, int size) {
    return new Grid(Math.toIntExact(Math.ceilDiv(threads, size)), 1, size, 1);
  }

  /** Returns how many sorted positions a block adds up; a multiple of 4. */
  private static int piece(int count, int width) {
    int piece = MOST_PIECE;
    int vectors = Math.ceilDiv(width, COLUMNS);
    while (piece > LEAST_PIECE && (long) Math.ceilDiv(count, piece) * vectors < ENOUGH_THREADS) {
      piece /= 2;
    }
    return piece;
  }

  private static long headsStride(int width) {
    return (long) Math.ceilDiv(width, COLUMNS) * COLUMNS;
  }

  @Override
  public long lookupBackwardWorkspaceFloats(int count, int width, int rows) {
    long heads = Math.ceilDiv(count, piece(count, width)) * headsStride(width);
    return ALIGNMENT / Float.BYTES - 1 + heads + 4L * count;
  }

  @Override
  public void lookupBackward(LookupBackward lookup) {
    int count = lookup.count();
    int piece = piece(count, lookup.width());
    int pieces = Math.ceilDiv(count, piece);
    long heads = alignedAddress(lookup.workspace());
    long keys = heads + pieces * headsStride(lookup.width()) * Float.BYTES;
    int vector =
        Vectors.across(COLUMNS, lookup.width(), lookup.outGrad(), lookup.tableGrad()) == COLUMNS
            ? COLUMNS
            : 1;
    Map<String, String> form =
        Map.of("T", Vectors.type(lookup.outGrad()), "VECTOR", String.valueOf(vector));
    long sorted = sort(form, lookup, keys);
    int vectors = lookup.width() / vector;
    int columnBlocks = Math.ceilDiv(vectors, Grid.THREADS);
    int threads = Math.ceilDiv(Math.ceilDiv(vectors, columnBlocks), WARP) * WARP;
    Arguments add = new Arguments().matrix(lookup.tableGrad()).matrix(lookup.outGrad());
    Arguments fold = new Arguments().matrix(lookup.tableGrad());
    for (Arguments arguments : new Arguments[] {add, fold}) {
      arguments
          .wide(heads)
          .wide(headsStride(lookup.width()))
          .wide(sorted)
          .number(count)
          .number(lookup.width())
          .number(piece)
          .number(columnBlocks);
    }
    Grid grid = new Grid(Math.multiplyExact(pieces, columnBlocks), 1, threads, 1);
    launcher.launch(kernel("gather_backward", form, "add_pieces"), grid, add);
    if (pieces > 1) {
      Grid others = new Grid(grid.x() - columnBlocks, 1, threads, 1);
      launcher.launch(kernel("gather_backward", form, "add_heads"), others, fold);
    }
  }

  private static long alignedAddress(View workspace) {
    return Math.ceilDiv(DeviceMemory.address(workspace), ALIGNMENT) * ALIGNMENT;
  }

  /** Sorts the ids with their positions and returns where, in one of two buffers, they lie. */
  private long sort(Map<String, String> form, LookupBackward lookup, long keys) {
    int count = lookup.count();
    int tile = LEAST_TILE;
    while (tile < Math.min(count, MOST_TILE)) {
      tile *= 2;
    }
    long from = keys;
    long to = keys + (long) count * Long.BYTES;
    Arguments tiles = new Arguments().wide(from).pointer(lookup.ids()).number(count);
    Grid grid = new Grid(Math.ceilDiv(count, tile), 1, tile / 2, 1);
    launcher.launch(kernel("gather_backward", form, "sort_tiles"), grid, tiles);
    for (long run = tile; run < count; run *= RUNS) {
      Arguments merge = new Arguments().wide(to).wide(from).number(count).number((int) run);
      Grid merging = blocks(count, Grid.THREADS);
      launcher.launch(kernel("gather_backward", form, "merge"), merging, merge);
      long sorted = to;
      to = from;
      from = sorted;
    }
    return from;
  }
}
