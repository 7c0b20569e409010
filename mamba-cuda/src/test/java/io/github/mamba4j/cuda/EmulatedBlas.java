package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A library of products for an emulated GPU, in the plainest way. */
final class EmulatedBlas implements Blas {
  @SuppressWarnings("restricted") // addresses are those of the test's own memory
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  int calls;
  boolean closed;

  @Override
  public String name() {
    return "emulated";
  }

  private static long place(Matrix matrix, int item, int row, int column) {
    long along = matrix.transposed() ? column : row;
    long across = matrix.transposed() ? row : column;
    long element = item * matrix.batchStride() + across * matrix.leading() + along;
    return matrix.address() + matrix.type().bytes(element);
  }

  private static float get(DType type, long address) {
    return type == DType.F32
        ? ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address)
        : Float.intBitsToFloat(ALL.get(ValueLayout.JAVA_SHORT_UNALIGNED, address) << Short.SIZE);
  }

  private static void set(DType type, long address, float value) {
    if (type == DType.F32) {
      ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, address, value);
    } else {
      int bits = Float.floatToRawIntBits(value);
      int nearest = bits + 0x7fff + (bits >>> Short.SIZE & 1);
      ALL.set(ValueLayout.JAVA_SHORT_UNALIGNED, address, (short) (nearest >>> Short.SIZE));
    }
  }

  @Override
  public void gemm(Gemm gemm) {
    calls++;
    for (int item = 0; item < gemm.batch(); item++) {
      for (int column = 0; column < gemm.n(); column++) {
        for (int row = 0; row < gemm.m(); row++) {
          double sum = 0;
          for (int i = 0; i < gemm.k(); i++) {
            float left = get(gemm.a().type(), place(gemm.a(), item, row, i));
            sum += (double) left * get(gemm.b().type(), place(gemm.b(), item, i, column));
          }
          long to = place(gemm.c(), item, row, column);
          float before = gemm.beta() == 0 ? 0 : gemm.beta() * get(gemm.c().type(), to);
          set(gemm.c().type(), to, (float) (sum + before));
        }
      }
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
