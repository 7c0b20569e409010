package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.MachineLoops;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntToDoubleFunction;

/**
 * What some threads of this machine reach at most, with {@link MachineLoops}: arithmetic, also as a
 * check that the clock is what it was before, and reading of memory.
 */
final class Ceilings implements AutoCloseable {
  private static final long CALIBRATION_NANOS = 20_000_000;
  private static final long WARM_UP_NANOS = 1_000_000_000;
  private static final long READ_BYTES = 1L << 30;
  private static final int READ_WARM_UPS = 5;

  private final int threads;
  private final ExecutorService executor;

  @SuppressWarnings("unused") // written so that the loops are not removed
  private volatile double sink;

  /** Starts threads; they run where the caller may. */
  Ceilings(int threads) {
    this.threads = threads;
    executor = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
    flopsPerSecond(WARM_UP_NANOS);
  }

  /** Returns operations a second of all threads together over about 20 ms. */
  double calibrate() {
    return flopsPerSecond(CALIBRATION_NANOS);
  }

  private double flopsPerSecond(long nanos) {
    double total = 0;
    for (double rate : onAll(_ -> fusedMultiplyAdds(nanos))) {
      total += rate;
    }
    return total;
  }

  private double fusedMultiplyAdds(long nanos) {
    long start = System.nanoTime();
    long now = start;
    long calls = 0;
    float sum = 0;
    while (now - start < nanos) {
      sum += MachineLoops.fusedMultiplyAdd();
      calls++;
      now = System.nanoTime();
    }
    sink = sum;
    return calls * MachineLoops.FMA_FLOPS * 1e9 / (now - start);
  }

  /**
   * Reads 1 GiB, an equal share a thread.
   *
   * @param huge whether from huge pages, or from ordinary ones
   * @param passes how often
   * @return bytes a second of each pass, or nothing if there are no such pages
   */
  double[] read(boolean huge, int passes) {
    long share = READ_BYTES / threads / MachineLoops.SUM_STRIDE * MachineLoops.SUM_STRIDE;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = LinuxCalls.map(share * threads, huge, arena);
      if (memory.equals(MemorySegment.NULL)) {
        return new double[0];
      }
      IntToDoubleFunction write =
          thread -> {
            MemorySegment own = memory.asSlice(thread * share, share);
            for (long at = 0; at < share; at += Float.BYTES) {
              own.set(ValueLayout.JAVA_FLOAT, at, 1f);
            }
            return 0;
          };
      onAll(write);
      IntToDoubleFunction read = thread -> MachineLoops.sum(memory.asSlice(thread * share, share));
      double[] rates = new double[passes];
      for (int i = -READ_WARM_UPS; i < passes; i++) {
        long start = System.nanoTime();
        for (double sum : onAll(read)) {
          double expected = (double) share / Float.BYTES;
          if (Math.abs(sum - expected) > 1e-6 * expected) {
            throw new IllegalStateException("Ceilings: " + share + " bytes add up to " + sum);
          }
        }
        if (i >= 0) {
          rates[i] = share * threads * 1e9 / (System.nanoTime() - start);
        }
      }
      return rates;
    }
  }

  /** Runs a piece of work on all threads at the same time. */
  private double[] onAll(IntToDoubleFunction work) {
    CountDownLatch ready = new CountDownLatch(threads);
    List<Future<Double>> futures = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      int thread = i;
      futures.add(
          executor.submit(() -> {
            ready.countDown();
            ready.await();
            return work.applyAsDouble(thread);
          }));
    }
    double[] results = new double[threads];
    try {
      for (int i = 0; i < threads; i++) {
        results[i] = futures.get(i).get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Ceilings: interrupted", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("Ceilings: " + e.getCause(), e.getCause());
    }
    return results;
  }

  @Override
  public void close() {
    executor.close();
  }
}
