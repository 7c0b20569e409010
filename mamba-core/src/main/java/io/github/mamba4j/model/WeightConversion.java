package io.github.mamba4j.model;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * Fills the parameters of a new model: copies, widens or narrows them, in pieces of some rows on
 * all processors. Scratch memory is a few megabytes a thread, outside the heap.
 */
final class WeightConversion {
  /** Elements of a piece, about: 1 MiB as floats. */
  private static final long PIECE_ELEMENTS = 1 << 18;

  /** What a thread more is worth while for. */
  private static final long ELEMENTS_PER_THREAD = 1 << 21;

  /** Some rows of a parameter. */
  private record Piece(
      String name, Tensor target, ParameterValues values, long first, long count) {}

  private final List<Piece> pieces = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private final List<String> broken = Collections.synchronizedList(new ArrayList<>());
  private long elements;
  private long largest;

  /**
   * Adds a parameter that is to be filled.
   *
   * @param name its name
   * @param target the parameter
   * @param values as many values as it has elements
   */
  void add(String name, Tensor target, ParameterValues values) {
    int cols = target.shape().lastDim();
    long total = target.shape().elements();
    int rows = Math.toIntExact(total / cols);
    boolean divisible = cols % values.blockElements() == 0;
    int step = divisible ? Math.clamp(PIECE_ELEMENTS / cols, 1, rows) : rows;
    Tensor matrix = target.reshape(Shape.of(rows, cols));
    for (int row = 0; row < rows; row += step) {
      int count = Math.min(step, rows - row);
      Tensor part = matrix.narrowRows(row, count);
      long size = (long) count * cols;
      pieces.add(new Piece(name, part, values, (long) row * cols, size));
      largest = Math.max(largest, size);
    }
    elements += total;
  }

  /**
   * Fills all parameters.
   *
   * @return the names of those that hold a NaN, in the order in which they were added
   * @throws IOException if values cannot be read, or the thread is interrupted
   */
  List<String> run() throws IOException {
    int processors = Runtime.getRuntime().availableProcessors();
    int threads = Math.clamp(elements / ELEMENTS_PER_THREAD, 1, processors);
    if (threads == 1) {
      work(() -> false);
    } else {
      workOn(threads);
    }
    return pieces.stream().map(Piece::name).distinct().filter(broken::contains).toList();
  }

  private void workOn(int threads) throws IOException {
    Callable<Void> work =
        () -> {
          work(Thread.currentThread()::isInterrupted);
          return null;
        };
    try (ExecutorService pool =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("mamba-load-", 0).factory())) {
      for (Future<Void> done : pool.invokeAll(Collections.nCopies(threads, work))) {
        done.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      InterruptedIOException interrupted =
          new InterruptedIOException("MambaModel: was interrupted while its weights were read");
      interrupted.initCause(e);
      throw interrupted;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException cause -> throw cause;
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException("MambaModel: not loaded", e);
      }
    }
  }

  private void work(BooleanSupplier stop) throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment floats = arena.allocate(Math.max(1, largest) * Float.BYTES, 64);
      MemorySegment narrow = arena.allocate(Math.max(1, largest) * Float.BYTES, 64);
      int index = next.getAndIncrement();
      while (index < pieces.size() && !stop.getAsBoolean()) {
        fill(pieces.get(index), floats, narrow);
        index = next.getAndIncrement();
      }
    }
  }

  private void fill(Piece piece, MemorySegment floats, MemorySegment narrow) throws IOException {
    ParameterValues values = piece.values();
    DType type = piece.target().dtype();
    MemorySegment bytes;
    boolean bad;
    if (values.type() == type) {
      bytes = values.bytes(piece.first(), piece.count(), narrow);
      bad = WeightCheck.hasNaN(type, bytes);
    } else {
      bytes = floats.asSlice(0, piece.count() * Float.BYTES);
      values.floats(piece.first(), piece.count(), bytes);
      bad = WeightCheck.hasNaN(DType.F32, bytes);
      if (type != DType.F32) {
        Precision.stored(type).narrow(bytes, narrow, piece.count());
        bytes = narrow.asSlice(0, type.bytes(piece.count()));
      }
    }
    piece.target().write(bytes);
    if (bad) {
      broken.add(piece.name());
    }
  }
}
