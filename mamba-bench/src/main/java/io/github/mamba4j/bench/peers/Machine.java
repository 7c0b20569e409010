package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.MachineLoops;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntToDoubleFunction;
import jdk.incubator.vector.FloatVector;

/**
 * What some threads of this machine reach at most, with {@link MachineLoops}: arithmetic, also as a
 * check that the clock is what it was before, and reading of memory.
 */
final class Machine implements Contestant {
  /** Fused multiply-adds for some 20 ms; the result is in seconds per operation. */
  static final String FMA = "fma";

  /** Reading of 1 GiB in ordinary pages; the result is in seconds per byte. */
  static final String READ = "read";

  /** The same in huge pages. */
  static final String READ_HUGE = "read huge";

  private static final long CALIBRATION_NANOS = 20_000_000;
  private static final long READ_BYTES = 1L << 30;

  private final int threads;
  private final ExecutorService executor;

  @SuppressWarnings("unused") // written so that the loops are not removed
  private volatile double sink;

  /** Starts threads; they run where the caller may. */
  Machine(Setting setting) {
    threads = setting.threads();
    executor = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  @Override
  public Map<String, Object> describe() {
    return Map.of("lanes", FloatVector.SPECIES_PREFERRED.length());
  }

  @Override
  public Trial prepare(String cell) {
    return switch (cell) {
      case FMA -> new Arithmetic();
      case READ -> new Reading(false);
      case READ_HUGE -> new Reading(true);
      default -> throw new IllegalArgumentException("Machine: no cell is called " + cell);
    };
  }

  private final class Arithmetic implements Trial {
    @Override
    public double seconds() {
      return 1 / flopsPerSecond(CALIBRATION_NANOS);
    }

    @Override
    public double sampleSeconds() {
      return 0;
    }
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

  /** Reads 1 GiB, an equal share a thread. */
  private final class Reading implements Trial {
    private final long share =
        READ_BYTES / threads / MachineLoops.SUM_STRIDE * MachineLoops.SUM_STRIDE;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;

    Reading(boolean huge) {
      memory = LinuxCalls.map(share * threads, huge, arena);
      if (memory.equals(MemorySegment.NULL)) {
        throw new UnsupportedOperationException("this system has no huge pages");
      }
      onAll(thread -> {
        MemorySegment own = own(thread);
        for (long at = 0; at < share; at += Float.BYTES) {
          own.set(ValueLayout.JAVA_FLOAT, at, 1f);
        }
        return 0;
      });
    }

    private MemorySegment own(int thread) {
      return memory.asSlice(thread * share, share);
    }

    @Override
    public double seconds() {
      double expected = (double) share / Float.BYTES;
      long start = System.nanoTime();
      double[] sums = onAll(thread -> MachineLoops.sum(own(thread)));
      double seconds = (System.nanoTime() - start) * 1e-9;
      for (double sum : sums) {
        if (Math.abs(sum - expected) > 1e-6 * expected) {
          throw new IllegalStateException("Machine: " + share + " bytes add up to " + sum);
        }
      }
      return seconds / (share * threads);
    }

    @Override
    public void close() {
      arena.close();
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
      throw new IllegalStateException("Machine: interrupted", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("Machine: " + e.getCause(), e.getCause());
    }
    return results;
  }

  @Override
  public void close() {
    executor.close();
  }
}
