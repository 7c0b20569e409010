package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Dot products of rows in plain loops over arrays, with the bits of {@link VectorDotTask}: as many
 * sums side by side as a vector has lanes, each in the order in which a vector's lane makes it.
 *
 * <p>For a JVM that has only just started. Loops over vectors are hundreds of times slower until
 * the compiler has made machine code of them, and that takes it tenths of a second each. These
 * loops work on floats: they are compiled in some milliseconds, by the fast compiler too. Rows are
 * copied from memory into arrays, at full speed from the start, because elements of memory segments
 * are reached through calls until the slow compiler removes those.
 */
final class ArrayDots {
  /** Lanes of a vector: sums side by side. A constant, or bounds would be checked at each step. */
  private static final int LANES = VectorWidth.LANES;

  /** Rows on both sides that are multiplied together; 16 sums fit the registers. */
  private static final int SQUARE = 4;

  /** Right rows that meet a single left row together. */
  private static final int WIDE = 8;

  /** Right rows that are copied together: few calls, and the second-level cache holds them. */
  private static final int PANEL = 16;

  private static final int BLOCK = DType.INT8.blockElements();
  private static final int BLOCK_BYTES = DType.INT8.blockBytes();

  /** Arrays of one worker, kept from task to task. */
  static final class Room {
    private float[] left = {};
    private float[] right = {};
    private float[] row = {};
    private short[] shorts = {};
    private byte[] bytes = {};
    private float[] out = {};
    private final float[] sums = new float[SQUARE * SQUARE * LANES];

    private void reserve(MatmulCall call, int columns) {
      int rows = call.m == 1 ? 1 : Math.ceilDiv(call.m, SQUARE) * SQUARE;
      int padded = Math.ceilDiv(columns, PANEL) * PANEL;
      left = atLeast(left, rows * call.k);
      right = atLeast(right, PANEL * rowFloats(call));
      out = atLeast(out, rows * padded);
      if (call.bType != DType.F32 && shorts.length < call.k) {
        shorts = new short[call.k];
        row = new float[call.k];
        bytes = new byte[Math.ceilDiv(call.k, BLOCK) * BLOCK_BYTES];
      }
    }

    private static float[] atLeast(float[] array, int floats) {
      return array.length < floats ? new float[floats] : array;
    }
  }

  private ArrayDots() {}

  /** Computes some columns of an item's result, see {@link CpuMatmul#dots}. */
  static void run(MatmulCall call, int item, int from, int to, Room room) {
    room.reserve(call, to - from);
    copyLeft(call, item, room);
    int padded = Math.ceilDiv(to - from, PANEL) * PANEL;
    for (int column = from; column < to; column += PANEL) {
      int columns = Math.min(PANEL, to - column);
      copyPanel(call, item, column, columns, room);
      multiplyPanel(call, columns, room, column - from, padded);
    }
    finish(call, item, from, to, room.out, padded);
  }

  /** Whether sums are made block by block, see {@link VectorWeightDots}. */
  private static boolean blocks(MatmulCall call) {
    return call.bType == DType.INT8 && LANES >= 8;
  }

  /** Whether even elements come before odd ones, see {@link VectorWeightDots#pairs}. */
  private static boolean pairs(MatmulCall call) {
    return call.inPairs(LANES);
  }

  private static int whole(MatmulCall call) {
    return call.whole(LANES);
  }

  /** Returns the floats of a right row: its elements, and the scales of its blocks. */
  private static int rowFloats(MatmulCall call) {
    return call.bType == DType.INT8 ? call.k + Math.ceilDiv(call.k, BLOCK) : call.k;
  }

  private static void copyLeft(MatmulCall call, int item, Room room) {
    int rows = call.m == 1 ? 1 : Math.ceilDiv(call.m, SQUARE) * SQUARE;
    for (int i = 0; i < rows; i++) {
      long from = call.leftAt(item, Math.min(i, call.m - 1));
      int to = i * call.k;
      if (pairs(call)) {
        MemorySegment.copy(call.a, CpuStorage.FLOAT, from, room.row, 0, call.k);
        split(room.row, call.k, room.left, to);
      } else {
        MemorySegment.copy(call.a, CpuStorage.FLOAT, from, room.left, to, call.k);
      }
    }
  }

  /** Copies a row: of two vectors the even elements first, then the odd ones. */
  private static void split(float[] from, int n, float[] to, int at) {
    for (int s = 0; s < n; s += 2 * LANES) {
      for (int lane = 0; lane < LANES; lane++) {
        to[at + s + lane] = from[s + 2 * lane];
        to[at + s + LANES + lane] = from[s + 2 * lane + 1];
      }
    }
  }

  /** Copies right rows. Those that do not exist keep what was there, for sums that nobody reads. */
  private static void copyPanel(MatmulCall call, int item, int column, int columns, Room room) {
    long first = call.bOffset + item * call.bBatchStride + column * call.bStride;
    if (call.bType == DType.F32 && call.bStride == call.k) {
      MemorySegment.copy(call.b, CpuStorage.FLOAT, first << 2, room.right, 0, columns * call.k);
      return;
    }
    for (int j = 0; j < columns; j++) {
      copyRight(call, first + j * call.bStride, j * rowFloats(call), room);
    }
  }

  /** Copies a right row and widens it. */
  private static void copyRight(MatmulCall call, long first, int to, Room room) {
    long at = call.bType.bytes(first);
    switch (call.bType) {
      case F32 -> MemorySegment.copy(call.b, CpuStorage.FLOAT, at, room.right, to, call.k);
      case BF16, F16 -> {
        MemorySegment.copy(call.b, CpuStorage.SHORT, at, room.shorts, 0, call.k);
        if (pairs(call)) {
          widen(call, room.row, 0, room);
          split(room.row, call.k, room.right, to);
        } else {
          widen(call, room.right, to, room);
        }
      }
      default -> {
        int blocks = call.k / BLOCK;
        int bytes = blocks * BLOCK_BYTES;
        MemorySegment.copy(call.b, ValueLayout.JAVA_BYTE, at, room.bytes, 0, bytes);
        widenBlocks(room.bytes, blocks, blocks(call), room.right, to);
      }
    }
  }

  private static void widen(MatmulCall call, float[] target, int to, Room room) {
    if (call.bType == DType.F16) {
      widenHalves(room.shorts, call.k, target, to);
    } else {
      widenBf16(room.shorts, call.k, target, to);
    }
  }

  private static void widenHalves(short[] from, int n, float[] to, int at) {
    for (int i = 0; i < n; i++) {
      to[at + i] = Float.float16ToFloat(from[i]);
    }
  }

  private static void widenBf16(short[] from, int n, float[] to, int at) {
    for (int i = 0; i < n; i++) {
      to[at + i] = Float.intBitsToFloat(from[i] << Short.SIZE);
    }
  }

  /** Leaves integers as floats and behind them the blocks' scales, or their products. */
  private static void widenBlocks(byte[] from, int blocks, boolean apart, float[] to, int at) {
    for (int b = 0; b < blocks; b++) {
      int start = b * BLOCK_BYTES;
      int bits = (from[start] & 0xff) | (from[start + 1] << Byte.SIZE);
      float scale = Float.float16ToFloat((short) bits);
      float factor = apart ? 1 : scale;
      int out = at + b * BLOCK;
      for (int i = 0; i < BLOCK; i++) {
        to[out + i] = factor * from[start + Short.BYTES + i];
      }
      to[at + blocks * BLOCK + b] = scale;
    }
  }

  /** Multiplies all left rows with some right rows. */
  private static void multiplyPanel(MatmulCall call, int columns, Room room, int at, int outApart) {
    boolean one = call.m == 1;
    int group = one ? WIDE : SQUARE;
    int apart = rowFloats(call);
    for (int j = 0; j < columns; j += group) {
      for (int i = 0; i < call.m; i += SQUARE) {
        multiply(call, i * call.k, j * apart, room);
        addLanes(room.sums, one ? WIDE : SQUARE * SQUARE, LANES);
        for (int r = 0; r < (one ? 1 : SQUARE); r++) {
          System.arraycopy(room.sums, r * SQUARE, room.out, (i + r) * outApart + at + j, group);
        }
      }
    }
  }

  /** Multiplies a square of rows, or the only left row with its right rows, lane by lane. */
  private static void multiply(MatmulCall call, int left, int right, Room room) {
    float[] x = room.left;
    float[] w = room.right;
    int k = call.k;
    int apart = rowFloats(call);
    boolean blocks = blocks(call);
    for (int lane = 0; lane < LANES; lane++) {
      if (call.m > 1 && blocks) {
        blockSquare(x, left, k, w, right, apart, lane, room.sums);
      } else if (call.m > 1) {
        square(x, left + lane, k, w, right + lane, apart, room.sums, lane * SQUARE * SQUARE);
      } else if (blocks) {
        blockRow(x, k, w, right, apart, lane, room.sums);
      } else {
        row(x, k, w, right, apart, lane, room.sums);
      }
    }
  }

  /** Leaves a lane's 16 sums of four left and four right rows. */
  private static void square(
      float[] x, int a0, int k, float[] w, int b0, int apart, float[] sums, int at) {
    int steps = k / LANES;
    int a1 = a0 + k;
    int a2 = a1 + k;
    int a3 = a2 + k;
    int b1 = b0 + apart;
    int b2 = b1 + apart;
    int b3 = b2 + apart;
    float c00 = 0;
    float c01 = 0;
    float c02 = 0;
    float c03 = 0;
    float c10 = 0;
    float c11 = 0;
    float c12 = 0;
    float c13 = 0;
    float c20 = 0;
    float c21 = 0;
    float c22 = 0;
    float c23 = 0;
    float c30 = 0;
    float c31 = 0;
    float c32 = 0;
    float c33 = 0;
    for (int s = 0; s < steps; s++) {
      int p = s * LANES;
      float y0 = w[b0 + p];
      float y1 = w[b1 + p];
      float y2 = w[b2 + p];
      float y3 = w[b3 + p];
      float x0 = x[a0 + p];
      c00 = Math.fma(x0, y0, c00);
      c01 = Math.fma(x0, y1, c01);
      c02 = Math.fma(x0, y2, c02);
      c03 = Math.fma(x0, y3, c03);
      float x1 = x[a1 + p];
      c10 = Math.fma(x1, y0, c10);
      c11 = Math.fma(x1, y1, c11);
      c12 = Math.fma(x1, y2, c12);
      c13 = Math.fma(x1, y3, c13);
      float x2 = x[a2 + p];
      c20 = Math.fma(x2, y0, c20);
      c21 = Math.fma(x2, y1, c21);
      c22 = Math.fma(x2, y2, c22);
      c23 = Math.fma(x2, y3, c23);
      float x3 = x[a3 + p];
      c30 = Math.fma(x3, y0, c30);
      c31 = Math.fma(x3, y1, c31);
      c32 = Math.fma(x3, y2, c32);
      c33 = Math.fma(x3, y3, c33);
    }
    four(sums, at, c00, c01, c02, c03);
    four(sums, at + 4, c10, c11, c12, c13);
    four(sums, at + 8, c20, c21, c22, c23);
    four(sums, at + 12, c30, c31, c32, c33);
  }

  private static void four(float[] sums, int at, float c0, float c1, float c2, float c3) {
    sums[at] = c0;
    sums[at + 1] = c1;
    sums[at + 2] = c2;
    sums[at + 3] = c3;
  }

  /** Leaves a lane's eight sums of a left row and eight right rows. */
  private static void row(
      float[] x, int k, float[] w, int right, int apart, int lane, float[] sums) {
    int steps = k / LANES;
    int b0 = right + lane;
    int b1 = b0 + apart;
    int b2 = b1 + apart;
    int b3 = b2 + apart;
    int b4 = b3 + apart;
    int b5 = b4 + apart;
    int b6 = b5 + apart;
    int b7 = b6 + apart;
    float c0 = 0;
    float c1 = 0;
    float c2 = 0;
    float c3 = 0;
    float c4 = 0;
    float c5 = 0;
    float c6 = 0;
    float c7 = 0;
    for (int s = 0; s < steps; s++) {
      int p = s * LANES;
      float x0 = x[lane + p];
      c0 = Math.fma(x0, w[b0 + p], c0);
      c1 = Math.fma(x0, w[b1 + p], c1);
      c2 = Math.fma(x0, w[b2 + p], c2);
      c3 = Math.fma(x0, w[b3 + p], c3);
      c4 = Math.fma(x0, w[b4 + p], c4);
      c5 = Math.fma(x0, w[b5 + p], c5);
      c6 = Math.fma(x0, w[b6 + p], c6);
      c7 = Math.fma(x0, w[b7 + p], c7);
    }
    four(sums, lane * WIDE, c0, c1, c2, c3);
    four(sums, lane * WIDE + 4, c4, c5, c6, c7);
  }

  /** Returns a block's sum of products in a lane. */
  private static float block(float[] x, int left, float[] w, int right) {
    float sum = x[left] * w[right];
    for (int i = LANES; i < BLOCK; i += LANES) {
      sum = Math.fma(x[left + i], w[right + i], sum);
    }
    return sum;
  }

  /** Leaves a lane's 16 sums of four left rows and four rows of blocks with their scales. */
  private static void blockSquare(
      float[] x, int left, int k, float[] w, int right, int apart, int lane, float[] sums) {
    for (int j = 0; j < SQUARE; j++) {
      int row = right + j * apart;
      float c0 = 0;
      float c1 = 0;
      float c2 = 0;
      float c3 = 0;
      for (int b = 0; b < k / BLOCK; b++) {
        int p = left + b * BLOCK + lane;
        int q = row + b * BLOCK + lane;
        float scale = w[row + k + b];
        c0 = Math.fma(block(x, p, w, q), scale, c0);
        c1 = Math.fma(block(x, p + k, w, q), scale, c1);
        c2 = Math.fma(block(x, p + 2 * k, w, q), scale, c2);
        c3 = Math.fma(block(x, p + 3 * k, w, q), scale, c3);
      }
      int at = lane * SQUARE * SQUARE + j;
      sums[at] = c0;
      sums[at + SQUARE] = c1;
      sums[at + 2 * SQUARE] = c2;
      sums[at + 3 * SQUARE] = c3;
    }
  }

  /** Leaves a lane's eight sums of a left row and eight rows of blocks with their scales. */
  private static void blockRow(
      float[] x, int k, float[] w, int right, int apart, int lane, float[] sums) {
    for (int j = 0; j < WIDE; j += 4) {
      int b0 = right + j * apart;
      int b1 = b0 + apart;
      int b2 = b1 + apart;
      int b3 = b2 + apart;
      float c0 = 0;
      float c1 = 0;
      float c2 = 0;
      float c3 = 0;
      for (int b = 0; b < k / BLOCK; b++) {
        int p = b * BLOCK + lane;
        c0 = Math.fma(block(x, p, w, b0 + p), w[b0 + k + b], c0);
        c1 = Math.fma(block(x, p, w, b1 + p), w[b1 + k + b], c1);
        c2 = Math.fma(block(x, p, w, b2 + p), w[b2 + k + b], c2);
        c3 = Math.fma(block(x, p, w, b3 + p), w[b3 + k + b], c3);
      }
      four(sums, lane * WIDE + j, c0, c1, c2, c3);
    }
  }

  /**
   * Adds lanes as {@link VectorLaneSums} does and leaves the sums at the start.
   *
   * @param sums the first lane of all sums, then the next
   * @param count how many sums
   * @param lanes how many lanes
   */
  static void addLanes(float[] sums, int count, int lanes) {
    for (int half = lanes / 2 * count; half >= count; half /= 2) {
      for (int i = 0; i < half; i++) {
        sums[i] += sums[half + i];
      }
    }
  }

  /** Brings finished rows to the result, with the rest of the products and the bias. */
  private static void finish(MatmulCall call, int item, int from, int to, float[] sums, int apart) {
    int whole = whole(call);
    boolean plain = whole == call.k && call.bias == null && !call.outAdd;
    for (int row = 0; row < call.m; row++) {
      if (plain) {
        long at = call.outAt(item, row) + (long) from * Float.BYTES;
        MemorySegment.copy(sums, row * apart, call.out, CpuStorage.FLOAT, at, to - from);
        continue;
      }
      for (int column = from; column < to; column++) {
        float sum = sums[row * apart + column - from];
        ScalarMatmul.finishDot(call, item, row, column, sum, whole);
      }
    }
  }
}
