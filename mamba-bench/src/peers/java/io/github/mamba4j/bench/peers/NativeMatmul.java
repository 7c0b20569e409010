package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.MatmulCase;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;

/** Matrix products of a native library. */
abstract class NativeMatmul implements Contestant {
  private static final long ALIGNMENT = 64;

  private final String artifact;

  /**
   * Names the library.
   *
   * @param artifact of {@code org.bytedeco}
   */
  NativeMatmul(String artifact) {
    this.artifact = artifact;
  }

  /** Multiplies; all three are rows without gaps. */
  abstract void multiply(MatmulCase sizes, FloatPointer a, FloatPointer b, FloatPointer out);

  @Override
  public Map<String, Object> describe() {
    try {
      return Map.of("version", artifact + " " + Loader.getVersion("org.bytedeco", artifact));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Override
  public Trial prepare(String cell) {
    return new Products(MatmulCase.parse(cell), MatmulWork.rightFactors(cell));
  }

  @Override
  public void close() {}

  private final class Products implements Trial {
    private final Arena arena = Arena.ofShared();
    private final MatmulCase sizes;
    private final FloatPointer left;
    private final List<FloatPointer> rights = new ArrayList<>();
    private final FloatPointer out;

    Products(MatmulCase sizes, int rightFactors) {
      this.sizes = sizes;
      left = pointer(segment(sizes.left()));
      float[] right = sizes.right();
      for (int i = 0; i < rightFactors; i++) {
        rights.add(pointer(segment(right)));
      }
      MemorySegment result = segment(new float[sizes.m() * sizes.n()]);
      out = pointer(result);
      seconds();
      sizes.check(result.toArray(ValueLayout.JAVA_FLOAT));
    }

    private MemorySegment segment(float[] values) {
      MemorySegment memory = arena.allocate((long) values.length * Float.BYTES, ALIGNMENT);
      MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
      return memory;
    }

    private static FloatPointer pointer(MemorySegment memory) {
      return new FloatPointer(
          memory.asByteBuffer().order(java.nio.ByteOrder.nativeOrder()).asFloatBuffer());
    }

    @Override
    public double seconds() {
      long start = System.nanoTime();
      for (FloatPointer right : rights) {
        multiply(sizes, left, right, out);
      }
      return (System.nanoTime() - start) * 1e-9;
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
