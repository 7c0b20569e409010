package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;

/**
 * One task of a product with few rows: dot products of all left rows with some right rows.
 *
 * <p>A single left row meets narrow weights as they lie, widened in registers, because reading them
 * is the work. Where there are several left rows, they are widened once into the worker's memory,
 * which L1 or L2 holds, and multiplied there. For one type each sum is made in one order, whatever
 * the number of left rows.
 */
final class VectorDotTask {
  /** Vectors of sums of the only left row that are finished together. */
  private static final int SUMS = 16;

  /** Vectors of sums of all left rows and four right rows. */
  private static final int MOST_SUMS = VectorDots.SQUARE * CpuMatmul.MAX_DOT_ROWS;

  /** Rounds of several left rows whose sums go to the result together: a cache line of it. */
  private static final int ROUNDS = 16;

  private static final long SUM_FLOATS = (long) MOST_SUMS * LANES;
  private static final long ROOM_FLOATS = SUM_FLOATS + (long) MOST_SUMS * ROUNDS;
  private static final long VECTOR_BYTES = (long) LANES * Float.BYTES;

  private static final EmptyCalls WIDE_CALLS = new EmptyCalls();
  private static final EmptyCalls PAIRS_CALLS = new EmptyCalls();
  private static final EmptyCalls HALVES_CALLS = new EmptyCalls();
  private static final EmptyCalls INT8_CALLS = new EmptyCalls();
  private static final EmptyCalls SQUARE_CALLS = new EmptyCalls();
  private static final EmptyCalls BLOCKS_CALLS = new EmptyCalls();

  /** How right rows meet left ones. */
  enum Way {
    /** As they lie, floats. */
    FLOATS,
    /** As they lie, pairs of bfloat16, one left row. */
    PAIRS,
    /** As they lie, pairs of half-precision numbers, one left row. */
    HALVES,
    /** The same, where subnormal floats are slow. */
    NORMAL_HALVES,
    /** As they lie, blocks of 8-bit integers, one left row. */
    INT8,
    /** Widened to integers and scales, so that sums are made block by block. */
    BLOCKS,
    /** Widened to floats. */
    WIDENED;

    private static Way of(MatmulCall call) {
      boolean one = call.m == 1;
      return switch (call.bType) {
        case F32 -> FLOATS;
        case BF16 -> one && isPairs(call) ? PAIRS : WIDENED;
        case F16 -> {
          Way halves = Subnormals.SLOW ? NORMAL_HALVES : HALVES;
          yield one && isPairs(call) ? halves : WIDENED;
        }
        case INT8 -> {
          Way blocks = one ? INT8 : BLOCKS;
          yield VectorWeightDots.MULTIPLIES_INT8 ? blocks : WIDENED;
        }
        default -> WIDENED;
      };
    }

    private boolean widens() {
      return this == BLOCKS || this == WIDENED;
    }

    /** Returns what the left row is scaled with to meet right ones. */
    private float leftScale() {
      return switch (this) {
        case HALVES -> VectorWiden.HALF_SCALE;
        case NORMAL_HALVES -> VectorWiden.NORMAL_SCALE;
        default -> 1;
      };
    }

    /** Returns how many right rows are multiplied together. */
    private int group(int leftRows) {
      return switch (this) {
        case FLOATS, WIDENED -> leftRows > 1 ? VectorDots.SQUARE : VectorDots.WIDE;
        case PAIRS, HALVES, NORMAL_HALVES -> VectorWeightDots.PAIR_ROWS;
        case INT8, BLOCKS -> VectorWeightDots.INT8_ROWS;
      };
    }

    /** Returns the counter of the loop that multiplies. */
    private EmptyCalls empty(int leftRows) {
      return switch (this) {
        case FLOATS, WIDENED -> leftRows > 1 ? SQUARE_CALLS : WIDE_CALLS;
        case PAIRS -> PAIRS_CALLS;
        case HALVES, NORMAL_HALVES -> HALVES_CALLS;
        case INT8 -> INT8_CALLS;
        case BLOCKS -> BLOCKS_CALLS;
      };
    }
  }

  private VectorDotTask() {}

  /**
   * Computes some columns of an item's result.
   *
   * @param call the product
   * @param item which matrix of the batch
   * @param from first column
   * @param to end of the columns
   * @param scratch the worker's memory
   */
  static void run(MatmulCall call, int item, int from, int to, Scratch scratch) {
    Way way = Way.of(call);
    float scale = way.leftScale();
    boolean mayWiden = way.widens() || scale != 1;
    long widened = mayWiden ? way.group(call.m) * widenedFloats(call, way) : 0;
    MemorySegment memory = scratch.floats(ROOM_FLOATS + copied(call, way) + widened);
    DotRows rows = scratch.dots;
    rows.way = way;
    rows.elements = whole(call);
    rows.step = VECTOR_BYTES;
    if (isPairs(call)) {
      splitPairs(call, item, rows.elements, memory);
    }
    if (scale != 1) {
      long left = ROOM_FLOATS * Float.BYTES;
      rows.scaled = VectorWiden.scalePairs(memory, left, rows.elements, scale);
    }
    if (call.m == 1) {
      multiplyOne(call, item, from, to, rows, memory);
    } else {
      multiplyMany(call, item, from, to, rows, memory);
    }
    rows.release();
  }

  /**
   * Points at the right rows of a round, after widening them if they are. They are far apart, each
   * followed by its neighbour in the next round: streams that the hardware prefetches. Rows side by
   * side came from memory at half the speed.
   */
  private static void aim(
      MatmulCall call,
      int item,
      int column,
      int to,
      int apart,
      DotRows rows,
      MemorySegment memory) {
    rows.columns = Math.ceilDiv(to - column, apart);
    if (rows.way.widens()) {
      aimWidened(call, item, column, apart, rows, memory);
    } else {
      rows.b = call.b;
      rows.right = call.bType.bytes(first(call, item, column));
      rows.rightApart = call.bType.bytes(apart * call.bStride);
    }
  }

  /** Widens the right rows of a round and points at them. */
  private static void aimWidened(
      MatmulCall call, int item, int column, int apart, DotRows rows, MemorySegment memory) {
    rows.b = memory;
    rows.right = (ROOM_FLOATS + copied(call, rows.way)) * Float.BYTES;
    rows.rightApart = widenedFloats(call, rows.way) * Float.BYTES;
    widen(call, first(call, item, column), apart, rows);
  }

  /** Returns the first element of a right row. */
  private static long first(MatmulCall call, int item, int column) {
    return call.bOffset + item * call.bBatchStride + column * call.bStride;
  }

  /** Whether rows are 16-bit in whole pairs of vectors, which meet a left row that is split. */
  private static boolean isPairs(MatmulCall call) {
    return call.inPairs(LANES);
  }

  /** Returns the part of a row that is made of whole vectors. */
  private static int whole(MatmulCall call) {
    return call.whole(LANES);
  }

  /** Returns the floats of a widened row: its elements, and the scales of its blocks. */
  private static long widenedFloats(MatmulCall call, Way way) {
    int whole = whole(call);
    return way == Way.BLOCKS ? whole + whole / call.bType.blockElements() : whole;
  }

  /** Returns the floats of the left rows that are copied. */
  private static long copied(MatmulCall call, Way way) {
    long copies = way.leftScale() == 1 ? call.m : 2;
    return isPairs(call) ? copies * whole(call) : 0;
  }

  /** Copies the left rows so that they meet pairs of weights: even elements, then odd ones. */
  private static void splitPairs(MatmulCall call, int item, int whole, MemorySegment memory) {
    for (int i = 0; i < call.m; i++) {
      long to = (ROOM_FLOATS + (long) i * whole) * Float.BYTES;
      VectorWiden.splitPairs(call.a, call.leftAt(item, i), whole, memory, to);
    }
  }

  private static void widen(MatmulCall call, long first, int apart, DotRows rows) {
    for (int c = 0; c < rows.columns; c++) {
      long element = first + c * (apart * call.bStride);
      long source = call.bType.bytes(element);
      if (isPairs(call) && call.bType == DType.BF16) {
        VectorWiden.pairs(call.b, source, rows.elements, reach(rows.b), rows.rightAt(c));
      } else if (rows.way == Way.BLOCKS) {
        VectorWiden.integers(call.b, source, rows.elements, reach(rows.b), rows.rightAt(c));
      } else {
        MemorySegment to = reach(rows.b);
        VectorWiden.row(call.bType, call.b, element, rows.elements, to, rows.rightAt(c));
        if (isPairs(call)) {
          VectorWiden.splitPairs(to, rows.rightAt(c), rows.elements, to, rows.rightAt(c));
        }
      }
    }
  }

  /** Points at left rows. */
  private static void aimLeft(
      MatmulCall call, int item, int row, int count, DotRows rows, MemorySegment memory) {
    rows.rows = count;
    if (isPairs(call)) {
      rows.a = memory;
      rows.left = (ROOM_FLOATS + (long) row * rows.elements) * Float.BYTES;
      rows.leftApart = (long) rows.elements * Float.BYTES;
    } else {
      rows.a = call.a;
      rows.left = call.leftAt(item, row);
      rows.leftApart = call.aRowBytes;
    }
  }

  /**
   * Multiplies the only left row. The sums of several rounds are finished together, so that one
   * round's do not wait for another's.
   */
  private static void multiplyOne(
      MatmulCall call, int item, int from, int to, DotRows rows, MemorySegment memory) {
    int group = rows.way.group(call.m);
    int apart = Math.ceilDiv(to - from, group);
    int rounds = SUMS / group;
    aimLeft(call, item, 0, 1, rows, memory);
    for (int j = from; j < from + apart; j += rounds) {
      int together = Math.min(rounds, from + apart - j);
      for (int round = 0; round < together; round++) {
        aim(call, item, j + round, to, apart, rows, memory);
        long sums = (long) round * group * VECTOR_BYTES;
        int whole = rows.elements;
        rows.elements = 0;
        for (int i = rows.way.empty(1).before(whole / LANES); i > 0; i--) {
          multiplyOne(rows, memory, sums);
        }
        rows.elements = whole;
        if (!multiplyOne(rows, memory, sums)) {
          aimWidened(call, item, j + round, apart, rows, memory);
          VectorDots.wide(rows, memory, sums);
        }
      }
      VectorDots.reduce(memory, together * group, 0);
      for (int c = 0; c < group && j + c * apart < to; c++) {
        int column = j + c * apart;
        finish(call, item, 0, column, Math.min(together, to - column), memory, c, group);
      }
    }
  }

  /** Returns false if the sums are wrong, see {@link VectorWeightDots#halves}. */
  private static boolean multiplyOne(DotRows rows, MemorySegment memory, long sums) {
    switch (rows.way) {
      case PAIRS -> VectorWeightDots.pairs(rows, memory, sums);
      case HALVES -> {
        return rows.scaled && VectorWeightDots.halves(rows, memory, sums);
      }
      case NORMAL_HALVES -> {
        return rows.scaled && VectorWeightDots.normalHalves(rows, memory, sums);
      }
      case INT8 -> VectorWeightDots.int8(rows, memory, sums);
      default -> VectorDots.wide(rows, memory, sums);
    }
    return true;
  }

  /**
   * Multiplies several left rows. The sums of 16 rounds are put aside and then go to the result as
   * stretches of its rows: the result's rows fall into few sets of the L1 cache, and in every round
   * a store to each of them would miss it.
   */
  private static void multiplyMany(
      MatmulCall call, int item, int from, int to, DotRows rows, MemorySegment memory) {
    int group = rows.way.group(call.m);
    int apart = Math.ceilDiv(to - from, group);
    int sums = Math.ceilDiv(call.m, VectorDots.SQUARE) * VectorDots.SQUARE * VectorDots.SQUARE;
    for (int j = from; j < from + apart; j += ROUNDS) {
      int rounds = Math.min(ROUNDS, from + apart - j);
      for (int round = 0; round < rounds; round++) {
        aim(call, item, j + round, to, apart, rows, memory);
        multiplyRound(call, item, rows, memory);
        VectorDots.reduce(memory, sums, (SUM_FLOATS + (long) round * sums) * Float.BYTES);
      }
      for (int row = 0; row < call.m; row++) {
        for (int c = 0; c < group && j + c * apart < to; c++) {
          int column = j + c * apart;
          long aside = SUM_FLOATS + (long) row * VectorDots.SQUARE + c;
          finish(call, item, row, column, Math.min(rounds, to - column), memory, aside, sums);
        }
      }
    }
  }

  /** Multiplies all left rows with a group of right rows. */
  private static void multiplyRound(MatmulCall call, int item, DotRows rows, MemorySegment memory) {
    int whole = rows.elements;
    for (int i = 0; i < call.m; i += VectorDots.SQUARE) {
      int count = Math.min(VectorDots.SQUARE, call.m - i);
      long sums = (long) i * VectorDots.SQUARE * VECTOR_BYTES;
      rows.elements = 0;
      for (int empty = rows.way.empty(call.m).before(whole / LANES); empty > 0; empty--) {
        multiplySquare(call, item, i, count, rows, memory, sums);
      }
      rows.elements = whole;
      multiplySquare(call, item, i, count, rows, memory, sums);
    }
  }

  /** Multiplies up to four left rows with up to four right rows. */
  private static void multiplySquare(
      MatmulCall call,
      int item,
      int first,
      int count,
      DotRows rows,
      MemorySegment memory,
      long sums) {
    if (rows.way == Way.BLOCKS) {
      for (int row = 0; row < count; row++) {
        aimLeft(call, item, first + row, 1, rows, memory);
        long at = sums + (long) row * VectorDots.SQUARE * VECTOR_BYTES;
        VectorWeightDots.blocks(rows, memory, at);
      }
    } else {
      aimLeft(call, item, first, count, rows, memory);
      VectorDots.square(rows, memory, sums);
    }
  }

  /**
   * Brings sums to neighbours in a row of the result, with the rest of the products and the bias.
   *
   * @param column the first sum's
   * @param columns how many sums
   * @param first where the first sum is, in floats
   * @param step from one sum to the next
   */
  private static void finish(
      MatmulCall call,
      int item,
      int row,
      int column,
      int columns,
      MemorySegment sums,
      long first,
      int step) {
    int whole = whole(call);
    if (whole == call.k && call.bias == null && !call.outAdd) {
      MemorySegment out = reach(call.out);
      long to = place(call.out, call.outAt(item, row) + (long) column * Float.BYTES);
      MemorySegment in = reach(sums);
      long from = place(sums, first * Float.BYTES);
      for (int j = 0; j < columns; j++) {
        float sum = in.get(CpuStorage.FLOAT, from + (long) j * step * Float.BYTES);
        out.set(CpuStorage.FLOAT, to + (long) j * Float.BYTES, sum);
      }
      return;
    }
    for (int j = 0; j < columns; j++) {
      float sum = CpuStorage.get(sums, first + (long) j * step);
      ScalarMatmul.finishDot(call, item, row, column + j, sum, whole);
    }
  }
}
