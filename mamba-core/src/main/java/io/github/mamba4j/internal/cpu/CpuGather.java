package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * Table lookups. The forward direction copies, a block of ids a task; the backward direction goes
 * through all ids for a block of columns a task, so that each row of the table collects its
 * gradients in the order of the ids.
 */
final class CpuGather implements GatherKernels {
  /** Columns a backward task, at least: whole cache lines, and rows long enough to be worth it. */
  private static final int BLOCK_COLUMNS = 64;

  private static final int BLOCKS = 8;

  private final WorkerPool pool;
  private final Rows rows;
  private final WorkerPool.Body<Lookup> copyRows = this::copyRows;
  private final WorkerPool.Body<LookupBackward> addColumns = this::addColumns;

  CpuGather(WorkerPool pool, Rows rows) {
    this.pool = pool;
    this.rows = rows;
  }

  @Override
  public void lookup(Lookup lookup) {
    pool.forEach(Tiles.tasks(lookup.count(), lookup.width(), false), lookup, copyRows);
  }

  private void copyRows(Lookup lookup, int task, Scratch scratch) {
    MemorySegment ids = CpuStorage.of(lookup.ids());
    int perTask = Tiles.spansPerTask(lookup.width(), false);
    long end = Math.min(lookup.count(), (task + 1L) * perTask);
    for (long i = (long) task * perTask; i < end; i++) {
      int id = CpuStorage.getInt(ids, lookup.ids().offset() + i);
      assert id >= 0 && id < lookup.rows() : id;
      copyRow(lookup, id, i);
    }
  }

  private static void copyRow(Lookup lookup, int id, long target) {
    View table = lookup.table();
    MemorySegment from = CpuStorage.of(table);
    long start = row(table, id);
    MemorySegment to = CpuStorage.of(lookup.out());
    long outStart = row(lookup.out(), target);
    if (table.type() == DType.F32) {
      MemorySegment.copy(from, start << 2, to, outStart << 2, (long) lookup.width() * Float.BYTES);
      return;
    }
    for (int i = 0; i < lookup.width(); i++) {
      CpuStorage.set(to, outStart + i, CpuStorage.widened(table.type(), from, start + i));
    }
  }

  @Override
  public void lookupBackward(LookupBackward lookup) {
    pool.forEach(Tiles.tasks(lookup.width(), columns(lookup.width())), lookup, addColumns);
  }

  private static int columns(int width) {
    return Math.max(BLOCK_COLUMNS, width / BLOCKS / BLOCK_COLUMNS * BLOCK_COLUMNS);
  }

  private void addColumns(LookupBackward lookup, int task, Scratch scratch) {
    MemorySegment ids = CpuStorage.of(lookup.ids());
    MemorySegment grad = CpuStorage.of(lookup.outGrad());
    MemorySegment table = CpuStorage.of(lookup.tableGrad());
    int columns = columns(lookup.width());
    int from = task * columns;
    int n = Math.min(columns, lookup.width() - from);
    for (int i = 0; i < lookup.count(); i++) {
      int id = CpuStorage.getInt(ids, lookup.ids().offset() + i);
      assert id >= 0 && id < lookup.rows() : id;
      long gradStart = row(lookup.outGrad(), i) + from;
      rows.scale(1, grad, gradStart, table, row(lookup.tableGrad(), id) + from, n, true);
    }
  }
}
