package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** Matrices on a backend with seeded random numbers, for benchmarks of single kernels. */
public final class BenchmarkMemory {
  private final Backend backend;
  private final SplittableRandom random = new SplittableRandom(1);

  public BenchmarkMemory(Backend backend) {
    this.backend = backend;
  }

  /** Returns numbers uniform in [low, high). */
  public float[] uniform(long count, double low, double high) {
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(low, high);
    }
    return values;
  }

  /** Returns a copy of values on the backend, as rows of {@code cols}. */
  public View matrix(float[] values, long cols) {
    View view = empty(values.length, cols);
    backend.write(MemorySegment.ofArray(values), view.storage(), 0);
    return view;
  }

  /** Returns memory for at least one float, as rows of {@code cols}. */
  public View empty(long floats, long cols) {
    Storage storage = backend.allocate(Math.max(1, floats) * Float.BYTES);
    return new View(storage, DType.F32, 0, cols);
  }

  /** Returns the first floats of a matrix from {@link #empty} or {@link #matrix}. */
  public float[] read(View view, long floats) {
    float[] values = new float[Math.toIntExact(floats)];
    backend.read(view.storage(), 0, MemorySegment.ofArray(values));
    return values;
  }
}
