package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Register tiles of a matrix product: six rows by four, two or one vectors.
 *
 * <p>The sums stay in registers from the first step to the last: 24 vectors of sums, four of the
 * right factor and one of the left fill 29 of 32 registers; twelve, two and one fill 15 of 16. Each
 * sum is a local variable because a vector that is reached through an array or an object is no
 * longer in a register. Rows that do not exist read the last row that does and are not stored, so a
 * tile of fewer rows needs no code of its own.
 */
final class VectorTiles {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private VectorTiles() {}

  /** Computes a tile that is four vectors wide; see {@link CpuMatmul#tile}. */
  @SuppressWarnings("checkstyle:MethodLength") // one line a register; a loop would need arrays
  static void four(MatmulCall call, MemorySegment a, long aOffset, long strip, long outOffset, int rows, int columns) {
    MemorySegment packed = call.packed;
    int depth = call.depth;
    long step = call.tileStepBytes;
    long row = call.tileRowBytes;
    int last = rows - 1;
    long a1 = aOffset + Math.min(1, last) * row;
    long a2 = aOffset + Math.min(2, last) * row;
    long a3 = aOffset + Math.min(3, last) * row;
    long a4 = aOffset + Math.min(4, last) * row;
    long a5 = aOffset + Math.min(5, last) * row;
    FloatVector c00 = load(packed, strip);
    FloatVector c01 = load(packed, strip + 1 * BYTES);
    FloatVector c02 = load(packed, strip + 2 * BYTES);
    FloatVector c03 = load(packed, strip + 3 * BYTES);
    FloatVector c10 = c00;
    FloatVector c11 = c01;
    FloatVector c12 = c02;
    FloatVector c13 = c03;
    FloatVector c20 = c00;
    FloatVector c21 = c01;
    FloatVector c22 = c02;
    FloatVector c23 = c03;
    FloatVector c30 = c00;
    FloatVector c31 = c01;
    FloatVector c32 = c02;
    FloatVector c33 = c03;
    FloatVector c40 = c00;
    FloatVector c41 = c01;
    FloatVector c42 = c02;
    FloatVector c43 = c03;
    FloatVector c50 = c00;
    FloatVector c51 = c01;
    FloatVector c52 = c02;
    FloatVector c53 = c03;
    for (int p = 0; p < depth; p++) {
      long s = p * step;
      long right = strip + (p + 1L) * (4 * BYTES);
      FloatVector b0 = load(packed, right);
      FloatVector b1 = load(packed, right + 1 * BYTES);
      FloatVector b2 = load(packed, right + 2 * BYTES);
      FloatVector b3 = load(packed, right + 3 * BYTES);
      FloatVector x = broadcast(a, aOffset + s);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      c02 = x.fma(b2, c02);
      c03 = x.fma(b3, c03);
      x = broadcast(a, a1 + s);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      c12 = x.fma(b2, c12);
      c13 = x.fma(b3, c13);
      x = broadcast(a, a2 + s);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      c22 = x.fma(b2, c22);
      c23 = x.fma(b3, c23);
      x = broadcast(a, a3 + s);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      c32 = x.fma(b2, c32);
      c33 = x.fma(b3, c33);
      x = broadcast(a, a4 + s);
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      c42 = x.fma(b2, c42);
      c43 = x.fma(b3, c43);
      x = broadcast(a, a5 + s);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      c52 = x.fma(b2, c52);
      c53 = x.fma(b3, c53);
    }
    long to = outOffset;
    store(call, to, columns, c00, c01, c02, c03);
    if (rows > 1) { to += call.outRowBytes; store(call, to, columns, c10, c11, c12, c13); }
    if (rows > 2) { to += call.outRowBytes; store(call, to, columns, c20, c21, c22, c23); }
    if (rows > 3) { to += call.outRowBytes; store(call, to, columns, c30, c31, c32, c33); }
    if (rows > 4) { to += call.outRowBytes; store(call, to, columns, c40, c41, c42, c43); }
    if (rows > 5) { to += call.outRowBytes; store(call, to, columns, c50, c51, c52, c53); }
  }

  /** Computes a tile that is two vectors wide. */
  static void two(MatmulCall call, MemorySegment a, long aOffset, long strip, long outOffset, int rows, int columns) {
    MemorySegment packed = call.packed;
    int depth = call.depth;
    long step = call.tileStepBytes;
    long row = call.tileRowBytes;
    int last = rows - 1;
    long a1 = aOffset + Math.min(1, last) * row;
    long a2 = aOffset + Math.min(2, last) * row;
    long a3 = aOffset + Math.min(3, last) * row;
    long a4 = aOffset + Math.min(4, last) * row;
    long a5 = aOffset + Math.min(5, last) * row;
    FloatVector c00 = load(packed, strip);
    FloatVector c01 = load(packed, strip + 1 * BYTES);
    FloatVector c10 = c00;
    FloatVector c11 = c01;
    FloatVector c20 = c00;
    FloatVector c21 = c01;
    FloatVector c30 = c00;
    FloatVector c31 = c01;
    FloatVector c40 = c00;
    FloatVector c41 = c01;
    FloatVector c50 = c00;
    FloatVector c51 = c01;
    for (int p = 0; p < depth; p++) {
      long s = p * step;
      long right = strip + (p + 1L) * (2 * BYTES);
      FloatVector b0 = load(packed, right);
      FloatVector b1 = load(packed, right + 1 * BYTES);
      FloatVector x = broadcast(a, aOffset + s);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = broadcast(a, a1 + s);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = broadcast(a, a2 + s);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = broadcast(a, a3 + s);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = broadcast(a, a4 + s);
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = broadcast(a, a5 + s);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
    }
    long to = outOffset;
    store(call, to, columns, c00, c01);
    if (rows > 1) { to += call.outRowBytes; store(call, to, columns, c10, c11); }
    if (rows > 2) { to += call.outRowBytes; store(call, to, columns, c20, c21); }
    if (rows > 3) { to += call.outRowBytes; store(call, to, columns, c30, c31); }
    if (rows > 4) { to += call.outRowBytes; store(call, to, columns, c40, c41); }
    if (rows > 5) { to += call.outRowBytes; store(call, to, columns, c50, c51); }
  }

  /** Computes a tile that is one vector wide. */
  static void one(MatmulCall call, MemorySegment a, long aOffset, long strip, long outOffset, int rows, int columns) {
    MemorySegment packed = call.packed;
    int depth = call.depth;
    long step = call.tileStepBytes;
    long row = call.tileRowBytes;
    int last = rows - 1;
    long a1 = aOffset + Math.min(1, last) * row;
    long a2 = aOffset + Math.min(2, last) * row;
    long a3 = aOffset + Math.min(3, last) * row;
    long a4 = aOffset + Math.min(4, last) * row;
    long a5 = aOffset + Math.min(5, last) * row;
    FloatVector c00 = load(packed, strip);
    FloatVector c10 = c00;
    FloatVector c20 = c00;
    FloatVector c30 = c00;
    FloatVector c40 = c00;
    FloatVector c50 = c00;
    for (int p = 0; p < depth; p++) {
      long s = p * step;
      long right = strip + (p + 1L) * BYTES;
      FloatVector b0 = load(packed, right);
      FloatVector x = broadcast(a, aOffset + s);
      c00 = x.fma(b0, c00);
      x = broadcast(a, a1 + s);
      c10 = x.fma(b0, c10);
      x = broadcast(a, a2 + s);
      c20 = x.fma(b0, c20);
      x = broadcast(a, a3 + s);
      c30 = x.fma(b0, c30);
      x = broadcast(a, a4 + s);
      c40 = x.fma(b0, c40);
      x = broadcast(a, a5 + s);
      c50 = x.fma(b0, c50);
    }
    long to = outOffset;
    store(call, to, columns, c00);
    if (rows > 1) { to += call.outRowBytes; store(call, to, columns, c10); }
    if (rows > 2) { to += call.outRowBytes; store(call, to, columns, c20); }
    if (rows > 3) { to += call.outRowBytes; store(call, to, columns, c30); }
    if (rows > 4) { to += call.outRowBytes; store(call, to, columns, c40); }
    if (rows > 5) { to += call.outRowBytes; store(call, to, columns, c50); }
  }

  private static FloatVector load(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(SPECIES, segment, offset, ORDER);
  }

  private static FloatVector broadcast(MemorySegment segment, long offset) {
    return FloatVector.broadcast(SPECIES, segment.get(CpuStorage.FLOAT, offset));
  }

  private static void store(
      MatmulCall call,
      long to,
      int columns,
      FloatVector v0,
      FloatVector v1,
      FloatVector v2,
      FloatVector v3) {
    store(call, to, columns, v0, v1);
    store(call, to + 2 * BYTES, columns - 2 * LANES, v2, v3);
  }

  private static void store(
      MatmulCall call, long to, int columns, FloatVector v0, FloatVector v1) {
    store(call, to, columns, v0);
    store(call, to + BYTES, columns - LANES, v1);
  }

  private static void store(MatmulCall call, long to, int columns, FloatVector value) {
    if (columns >= LANES) {
      FloatVector sum = call.add ? load(call.out, to).add(value) : value;
      sum.intoMemorySegment(call.out, to, ORDER);
    } else if (columns > 0) {
      storeSome(call, to, columns, value);
    }
  }

  private static void storeSome(MatmulCall call, long to, int columns, FloatVector value) {
    VectorMask<Float> some = SPECIES.indexInRange(0, columns);
    FloatVector sum = value;
    if (call.add) {
      sum = value.add(FloatVector.fromMemorySegment(SPECIES, call.out, to, ORDER, some));
    }
    sum.intoMemorySegment(call.out, to, ORDER, some);
  }
}
