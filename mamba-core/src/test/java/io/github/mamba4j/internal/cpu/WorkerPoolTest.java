package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkerPoolTest {
  private static final WorkerPool.Body<AtomicIntegerArray> COUNT =
      (ran, index, scratch) -> ran.getAndIncrement(index);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void forEach_manyJobs_runsEveryTaskOnce(int threads) {
    try (WorkerPool pool = new WorkerPool(threads)) {
      assertThat(pool.threads()).isEqualTo(threads);
      for (int job = 0; job < 2_000; job++) {
        int count = job % 37;
        AtomicIntegerArray ran = new AtomicIntegerArray(count);
        pool.forEach(count, ran, COUNT);
        for (int i = 0; i < count; i++) {
          assertThat(ran.get(i)).isEqualTo(1);
        }
      }
    }
  }

  /** Jobs of different sizes back to back, where a thread that is late meets the next job. */
  @Test
  void forEach_jobsBackToBack_neverMixTheirTasks() {
    try (WorkerPool pool = new WorkerPool(4)) {
      AtomicLong[] sums = new AtomicLong[5];
      for (int i = 0; i < sums.length; i++) {
        sums[i] = new AtomicLong();
      }
      WorkerPool.Body<AtomicLong> add = (sum, index, scratch) -> sum.getAndAdd(index + 1);
      long rounds = 40_000;
      for (long round = 0; round < rounds; round++) {
        int which = (int) (round % sums.length);
        pool.forEach(which + 2, sums[which], add);
      }
      for (int which = 0; which < sums.length; which++) {
        long count = which + 2L;
        assertThat(sums[which].get()).isEqualTo(rounds / sums.length * (count * (count + 1) / 2));
      }
    }
  }

  @Test
  void forEach_pausesBetweenJobs_wakesParkedThreads() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(2)) {
      for (int job = 0; job < 20; job++) {
        TimeUnit.MILLISECONDS.sleep(1);
        // Ends only if two threads are inside at the same time.
        CountDownLatch together = new CountDownLatch(2);
        pool.forEach(
            2,
            together,
            (latch, index, scratch) -> {
              latch.countDown();
              awaitQuietly(latch);
            });
        assertThat(together.getCount()).isZero();
      }
    }
  }

  /** The first task of each range waits for those of all others, so none is taken from another. */
  @Test
  void forEach_manyJobs_everyThreadBeginsWithItsOwnRange() {
    int threads = 3;
    int count = 7;
    try (WorkerPool pool = new WorkerPool(threads)) {
      for (int job = 0; job < 200; job++) {
        CountDownLatch begun = new CountDownLatch(threads);
        AtomicReferenceArray<String> ran = new AtomicReferenceArray<>(count);
        pool.forEach(
            count,
            ran,
            (names, index, scratch) -> {
              names.set(index, Thread.currentThread().getName());
              begun.countDown();
              awaitQuietly(begun);
            });
        // 7 tasks of 3 threads: 0 to 2, 3 and 4, 5 and 6.
        assertThat(ran.get(0)).isEqualTo(Thread.currentThread().getName());
        assertThat(ran.get(3)).isEqualTo("mamba-cpu-1");
        assertThat(ran.get(5)).isEqualTo("mamba-cpu-2");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void forEach_taskThrows_callerSeesItAndThePoolStillWorks(int threads) {
    try (WorkerPool pool = new WorkerPool(threads)) {
      for (int job = 0; job < 500; job++) {
        int bad = job % 9;
        assertThatThrownBy(() ->
                pool.forEach(
                    9,
                    bad,
                    (which, index, scratch) -> {
                      if (index == which) {
                        throw new IllegalArgumentException("task " + index);
                      }
                    }))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("task " + bad);
        AtomicIntegerArray ran = new AtomicIntegerArray(9);
        pool.forEach(9, ran, COUNT);
        for (int i = 0; i < 9; i++) {
          assertThat(ran.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void forEach_errorInATask_reachesTheCaller() {
    try (WorkerPool pool = new WorkerPool(2)) {
      assertThatThrownBy(() ->
              pool.forEach(
                  100,
                  "",
                  (args, index, scratch) -> {
                    throw new AssertionError("all");
                  }))
          .isInstanceOf(AssertionError.class);
    }
  }

  @Test
  void forEach_insideATask_runsAlone() {
    try (WorkerPool pool = new WorkerPool(2)) {
      AtomicIntegerArray ran = new AtomicIntegerArray(10);
      pool.forEach(4, ran, (args, index, scratch) -> pool.forEach(10, args, COUNT));
      for (int i = 0; i < 10; i++) {
        assertThat(ran.get(i)).isEqualTo(4);
      }
    }
  }

  @Test
  void forEach_severalCallersAtOnce_allTasksRun() throws Exception {
    int callers = 4;
    try (WorkerPool pool = new WorkerPool(2);
        ExecutorService executor = Executors.newFixedThreadPool(callers)) {
      List<Future<AtomicIntegerArray>> results = new ArrayList<>();
      for (int caller = 0; caller < callers; caller++) {
        results.add(
            executor.submit(() -> {
              AtomicIntegerArray ran = new AtomicIntegerArray(7);
              for (int job = 0; job < 5_000; job++) {
                pool.forEach(7, ran, COUNT);
              }
              return ran;
            }));
      }
      for (Future<AtomicIntegerArray> result : results) {
        for (int i = 0; i < 7; i++) {
          assertThat(result.get().get(i)).isEqualTo(5_000);
        }
      }
    }
  }

  @Test
  void forEach_tasksAtTheSameTime_neverShareScratch() {
    try (WorkerPool pool = new WorkerPool(4)) {
      AtomicBoolean spoiled = new AtomicBoolean();
      pool.forEach(
          2_000,
          spoiled,
          (flag, index, scratch) -> {
            var memory = scratch.floats(64);
            for (int i = 0; i < 64; i++) {
              CpuStorage.set(memory, i, index);
            }
            for (int i = 0; i < 64; i++) {
              if (CpuStorage.get(memory, i) != index) {
                flag.set(true);
              }
            }
          });
      assertThat(spoiled).isFalse();
    }
  }

  @Test
  void forEach_warm_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (WorkerPool pool = new WorkerPool(2)) {
      AtomicIntegerArray ran = new AtomicIntegerArray(16);
      for (int job = 0; job < 20_000; job++) {
        pool.forEach(16, ran, COUNT);
      }
      long least = Long.MAX_VALUE;
      for (int repetition = 0; repetition < 5; repetition++) {
        long before = threads.getTotalThreadAllocatedBytes();
        for (int job = 0; job < 1_000; job++) {
          pool.forEach(16, ran, COUNT);
        }
        least = Math.min(least, threads.getTotalThreadAllocatedBytes() - before);
      }
      // A compiler thread may allocate meanwhile; a call that did would show as thousands.
      assertThat(least).isLessThan(1_000);
    }
  }

  @Test
  void close_whileTasksRun_waitsForThem() throws Exception {
    for (int round = 0; round < 200; round++) {
      WorkerPool pool = new WorkerPool(3);
      AtomicInteger ran = new AtomicInteger();
      CountDownLatch begun = new CountDownLatch(1);
      Thread caller =
          Thread.ofPlatform()
              .start(() ->
                  pool.forEach(
                      8,
                      ran,
                      (count, index, scratch) -> {
                        begun.countDown();
                        Thread.yield();
                        CpuStorage.set(scratch.floats(1), 0, index);
                        count.getAndIncrement();
                      }));
      begun.await();
      pool.close();
      assertThat(ran).hasValue(8);
      caller.join();
    }
  }

  @Test
  void awaitCallers_aCallInside_waitsForItsEnd() throws Exception {
    for (int round = 0; round < 200; round++) {
      try (WorkerPool pool = new WorkerPool(1)) {
        AtomicInteger ran = new AtomicInteger();
        CountDownLatch begun = new CountDownLatch(1);
        Thread caller =
            Thread.ofPlatform()
                .start(() ->
                    pool.forEach(
                        8,
                        ran,
                        (count, index, scratch) -> {
                          begun.countDown();
                          Thread.yield();
                          count.getAndIncrement();
                        }));
        begun.await();
        pool.awaitCallers();
        assertThat(ran).hasValue(8);
        caller.join();
      }
    }
  }

  /** Each call stays until the next one has come, so there always is one inside. */
  @Test
  void awaitCallers_callsThatOverlapForEver_returns() throws Exception {
    try (WorkerPool pool = new WorkerPool(1)) {
      AtomicInteger calls = new AtomicInteger();
      AtomicBoolean stop = new AtomicBoolean();
      Runnable caller =
          () -> {
            while (!stop.get()) {
              pool.forEach(
                  1,
                  calls,
                  (count, index, scratch) -> {
                    int own = count.incrementAndGet();
                    while (count.get() == own && !stop.get()) {
                      Thread.yield();
                    }
                  });
            }
          };
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        threads.add(Thread.ofPlatform().start(caller));
      }
      while (calls.get() < 10) {
        Thread.yield();
      }
      for (int i = 0; i < 100; i++) {
        pool.awaitCallers();
      }
      stop.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
  }

  @Test
  void close_twice_isHarmlessAndEndsTheThreads() {
    int before = poolThreads();
    WorkerPool pool = new WorkerPool(3);
    assertThat(poolThreads()).isEqualTo(before + 2);
    pool.close();
    pool.close();
    assertThat(poolThreads()).isEqualTo(before);
    assertThatThrownBy(() -> pool.forEach(1, new AtomicIntegerArray(1), COUNT))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void scratch_growing_keepsAlignmentAndSize() {
    try (WorkerPool pool = new WorkerPool(1)) {
      for (int floats : new int[] {1, 100_000, 3, 1_000_000}) {
        pool.forEach(
            1,
            floats,
            (size, index, scratch) -> {
              var memory = scratch.floats(size);
              assertThat(memory.byteSize()).isGreaterThanOrEqualTo(size * 4L);
              assertThat(memory.address() % 64).isZero();
            });
      }
    }
  }

  private static int poolThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().startsWith("mamba-cpu-"))
            .count();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
