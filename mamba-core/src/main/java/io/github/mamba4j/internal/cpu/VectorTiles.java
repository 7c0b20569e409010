package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.FLOAT;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.positive;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Register tiles of a matrix product: six rows by four, two or one vectors.
 *
 * <p>The sums stay in registers from the first step to the last: 24 vectors of sums, four of the
 * right factor and one of the left fill 29 of 32 registers; twelve, two and one fill 15 of 16. Each
 * sum is a local variable because a vector that is reached through an array or an object is no
 * longer in a register. Rows that do not exist repeat the last one that does, so a tile of fewer
 * rows needs no code of its own.
 *
 * <p>The finished sums go to a small dense tile and from there to the result in a second pass: 24
 * stores that also add, check the edges and mask are more than the compiler inlines.
 */
final class VectorTiles {
  private static final long BYTES = (long) LANES * Float.BYTES;

  /** Vectors across a tile: four where there are 32 registers, else two. */
  static final int STRIP_VECTORS =
      LANES == 16 || System.getProperty("os.arch").equals("aarch64") ? 4 : 2;

  private VectorTiles() {}

  /**
   * Computes a tile that is four, two or one vectors wide.
   *
   * @param call the factors
   * @param a memory of the left factor
   * @param aOffset its first element of the tile, in bytes
   * @param initial what the sums of every row begin with, in the memory of the right factor
   * @param strip the tile's first element of the right factor, in bytes
   * @param stripStep distance of the right factor's rows, in bytes
   * @param sums where the tile goes: a dense matrix
   * @param rows how many of its rows exist
   * @param width its columns
   */
  @SuppressWarnings("checkstyle:ParameterNumber") // what the three tiles take, and which of them
  static void tile(
      TileFactors call,
      MemorySegment a,
      long aOffset,
      long initial,
      long strip,
      long stripStep,
      MemorySegment sums,
      int rows,
      int width) {
    if (width == 4 * LANES) {
      four(call, a, aOffset, initial, strip, stripStep, sums, rows);
    } else if (width == 2 * LANES) {
      two(call, a, aOffset, initial, strip, stripStep, sums, rows);
    } else {
      one(call, a, aOffset, initial, strip, stripStep, sums, rows);
    }
  }

  /** Computes a tile that is four vectors wide. */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void four(
      TileFactors call,
      MemorySegment a,
      long aOffset,
      long initial,
      long strip,
      long stripStep,
      MemorySegment sums,
      int rows) {
    a = offHeap(a);
    aOffset = positive(aOffset);
    sums = offHeap(sums);
    MemorySegment packed = offHeap(call.packed);
    strip = positive(strip);
    int depth = call.depth;
    long step = call.tileStepBytes;
    long a1 = aOffset + Math.min(1, rows - 1) * call.tileRowBytes;
    long a2 = aOffset + Math.min(2, rows - 1) * call.tileRowBytes;
    long a3 = aOffset + Math.min(3, rows - 1) * call.tileRowBytes;
    long a4 = aOffset + Math.min(4, rows - 1) * call.tileRowBytes;
    long a5 = aOffset + Math.min(5, rows - 1) * call.tileRowBytes;
    FloatVector c00 = fromMemorySegment(SPECIES, packed, initial, ORDER);
    FloatVector c01 = fromMemorySegment(SPECIES, packed, initial + 1 * BYTES, ORDER);
    FloatVector c02 = fromMemorySegment(SPECIES, packed, initial + 2 * BYTES, ORDER);
    FloatVector c03 = fromMemorySegment(SPECIES, packed, initial + 3 * BYTES, ORDER);
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
      long at = p * step;
      long right = strip + p * stripStep;
      FloatVector b0 = fromMemorySegment(SPECIES, packed, right, ORDER);
      FloatVector b1 = fromMemorySegment(SPECIES, packed, right + 1 * BYTES, ORDER);
      FloatVector b2 = fromMemorySegment(SPECIES, packed, right + 2 * BYTES, ORDER);
      FloatVector b3 = fromMemorySegment(SPECIES, packed, right + 3 * BYTES, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, aOffset + at));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      c02 = x.fma(b2, c02);
      c03 = x.fma(b3, c03);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + at));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      c12 = x.fma(b2, c12);
      c13 = x.fma(b3, c13);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a2 + at));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      c22 = x.fma(b2, c22);
      c23 = x.fma(b3, c23);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a3 + at));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      c32 = x.fma(b2, c32);
      c33 = x.fma(b3, c33);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a4 + at));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      c42 = x.fma(b2, c42);
      c43 = x.fma(b3, c43);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a5 + at));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      c52 = x.fma(b2, c52);
      c53 = x.fma(b3, c53);
    }
    c00.intoMemorySegment(sums, 0, ORDER);
    c01.intoMemorySegment(sums, 1 * BYTES, ORDER);
    c02.intoMemorySegment(sums, 2 * BYTES, ORDER);
    c03.intoMemorySegment(sums, 3 * BYTES, ORDER);
    c10.intoMemorySegment(sums, 4 * BYTES, ORDER);
    c11.intoMemorySegment(sums, 5 * BYTES, ORDER);
    c12.intoMemorySegment(sums, 6 * BYTES, ORDER);
    c13.intoMemorySegment(sums, 7 * BYTES, ORDER);
    c20.intoMemorySegment(sums, 8 * BYTES, ORDER);
    c21.intoMemorySegment(sums, 9 * BYTES, ORDER);
    c22.intoMemorySegment(sums, 10 * BYTES, ORDER);
    c23.intoMemorySegment(sums, 11 * BYTES, ORDER);
    c30.intoMemorySegment(sums, 12 * BYTES, ORDER);
    c31.intoMemorySegment(sums, 13 * BYTES, ORDER);
    c32.intoMemorySegment(sums, 14 * BYTES, ORDER);
    c33.intoMemorySegment(sums, 15 * BYTES, ORDER);
    c40.intoMemorySegment(sums, 16 * BYTES, ORDER);
    c41.intoMemorySegment(sums, 17 * BYTES, ORDER);
    c42.intoMemorySegment(sums, 18 * BYTES, ORDER);
    c43.intoMemorySegment(sums, 19 * BYTES, ORDER);
    c50.intoMemorySegment(sums, 20 * BYTES, ORDER);
    c51.intoMemorySegment(sums, 21 * BYTES, ORDER);
    c52.intoMemorySegment(sums, 22 * BYTES, ORDER);
    c53.intoMemorySegment(sums, 23 * BYTES, ORDER);
  }

  /** Computes a tile that is two vectors wide. */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void two(
      TileFactors call,
      MemorySegment a,
      long aOffset,
      long initial,
      long strip,
      long stripStep,
      MemorySegment sums,
      int rows) {
    a = offHeap(a);
    aOffset = positive(aOffset);
    sums = offHeap(sums);
    MemorySegment packed = offHeap(call.packed);
    strip = positive(strip);
    int depth = call.depth;
    long step = call.tileStepBytes;
    long a1 = aOffset + Math.min(1, rows - 1) * call.tileRowBytes;
    long a2 = aOffset + Math.min(2, rows - 1) * call.tileRowBytes;
    long a3 = aOffset + Math.min(3, rows - 1) * call.tileRowBytes;
    long a4 = aOffset + Math.min(4, rows - 1) * call.tileRowBytes;
    long a5 = aOffset + Math.min(5, rows - 1) * call.tileRowBytes;
    FloatVector c00 = fromMemorySegment(SPECIES, packed, initial, ORDER);
    FloatVector c01 = fromMemorySegment(SPECIES, packed, initial + 1 * BYTES, ORDER);
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
      long at = p * step;
      long right = strip + p * stripStep;
      FloatVector b0 = fromMemorySegment(SPECIES, packed, right, ORDER);
      FloatVector b1 = fromMemorySegment(SPECIES, packed, right + 1 * BYTES, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, aOffset + at));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + at));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a2 + at));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a3 + at));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a4 + at));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a5 + at));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
    }
    c00.intoMemorySegment(sums, 0, ORDER);
    c01.intoMemorySegment(sums, 1 * BYTES, ORDER);
    c10.intoMemorySegment(sums, 2 * BYTES, ORDER);
    c11.intoMemorySegment(sums, 3 * BYTES, ORDER);
    c20.intoMemorySegment(sums, 4 * BYTES, ORDER);
    c21.intoMemorySegment(sums, 5 * BYTES, ORDER);
    c30.intoMemorySegment(sums, 6 * BYTES, ORDER);
    c31.intoMemorySegment(sums, 7 * BYTES, ORDER);
    c40.intoMemorySegment(sums, 8 * BYTES, ORDER);
    c41.intoMemorySegment(sums, 9 * BYTES, ORDER);
    c50.intoMemorySegment(sums, 10 * BYTES, ORDER);
    c51.intoMemorySegment(sums, 11 * BYTES, ORDER);
  }

  /** Computes a tile that is one vector wide. */
  static void one(
      TileFactors call,
      MemorySegment a,
      long aOffset,
      long initial,
      long strip,
      long stripStep,
      MemorySegment sums,
      int rows) {
    a = offHeap(a);
    aOffset = positive(aOffset);
    sums = offHeap(sums);
    MemorySegment packed = offHeap(call.packed);
    strip = positive(strip);
    int depth = call.depth;
    long step = call.tileStepBytes;
    long a1 = aOffset + Math.min(1, rows - 1) * call.tileRowBytes;
    long a2 = aOffset + Math.min(2, rows - 1) * call.tileRowBytes;
    long a3 = aOffset + Math.min(3, rows - 1) * call.tileRowBytes;
    long a4 = aOffset + Math.min(4, rows - 1) * call.tileRowBytes;
    long a5 = aOffset + Math.min(5, rows - 1) * call.tileRowBytes;
    FloatVector c00 = fromMemorySegment(SPECIES, packed, initial, ORDER);
    FloatVector c10 = c00;
    FloatVector c20 = c00;
    FloatVector c30 = c00;
    FloatVector c40 = c00;
    FloatVector c50 = c00;
    for (int p = 0; p < depth; p++) {
      long at = p * step;
      long right = strip + p * stripStep;
      FloatVector b0 = fromMemorySegment(SPECIES, packed, right, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, aOffset + at));
      c00 = x.fma(b0, c00);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + at));
      c10 = x.fma(b0, c10);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a2 + at));
      c20 = x.fma(b0, c20);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a3 + at));
      c30 = x.fma(b0, c30);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a4 + at));
      c40 = x.fma(b0, c40);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a5 + at));
      c50 = x.fma(b0, c50);
    }
    c00.intoMemorySegment(sums, 0, ORDER);
    c10.intoMemorySegment(sums, 1 * BYTES, ORDER);
    c20.intoMemorySegment(sums, 2 * BYTES, ORDER);
    c30.intoMemorySegment(sums, 3 * BYTES, ORDER);
    c40.intoMemorySegment(sums, 4 * BYTES, ORDER);
    c50.intoMemorySegment(sums, 5 * BYTES, ORDER);
  }
}
