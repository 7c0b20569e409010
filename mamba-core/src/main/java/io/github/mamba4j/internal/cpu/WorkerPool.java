package io.github.mamba4j.internal.cpu;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one CPU backend. They split the tasks of one kernel at a time.
 *
 * <p>A kernel hands over a number of tasks, an argument and a body that captures nothing, so a call
 * allocates nothing. Which thread runs which task is left open; kernels cut their tasks by shape
 * alone, so results do not depend on it. The calling thread works too. A second caller that comes
 * while the threads are busy runs its tasks alone, on its own thread.
 *
 * <p>Idle threads spin for a few microseconds before they park: the kernels of a decode step follow
 * each other faster than a thread wakes up.
 */
final class WorkerPool implements AutoCloseable {
  private static final int SPINS = 4_000;

  /**
   * One task of a kernel.
   *
   * @param <A> the kernel's argument
   */
  @FunctionalInterface
  interface Body<A> {
    /**
     * Runs one task.
     *
     * @param args the kernel's argument
     * @param index which task, in [0, count)
     * @param scratch the running thread's own memory
     */
    void run(A args, int index, Scratch scratch);
  }

  private final List<Worker> workers = new ArrayList<>();
  private final ArrayDeque<Scratch> callerScratch = new ArrayDeque<>();
  private final AtomicBoolean busy = new AtomicBoolean();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger running = new AtomicInteger();

  private volatile int generation;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;
  private int count;
  private @Nullable Object args;
  private @Nullable Body<Object> body;

  /**
   * Starts the threads.
   *
   * @param threads how many compute, the caller included, positive
   */
  WorkerPool(int threads) {
    for (int i = 1; i < threads; i++) {
      Worker worker = new Worker(i);
      workers.add(worker);
      worker.start();
    }
  }

  /** Returns how many threads compute, the caller included. */
  int threads() {
    return workers.size() + 1;
  }

  /**
   * Runs tasks 0 to {@code count − 1} and returns when all have ended.
   *
   * @throws RuntimeException or Error, the first that a task threw
   */
  <A> void forEach(int count, A args, Body<A> body) {
    if (closed) {
      throw new IllegalStateException("the device is closed");
    }
    if (count > 1 && !workers.isEmpty() && busy.compareAndSet(false, true)) {
      try {
        runTogether(count, args, body);
      } finally {
        this.args = null;
        this.body = null;
        busy.set(false);
      }
    } else {
      runAlone(count, args, body);
    }
  }

  private <A> void runAlone(int count, A args, Body<A> body) {
    Scratch scratch = takeScratch();
    try {
      for (int i = 0; i < count; i++) {
        body.run(args, i, scratch);
      }
    } finally {
      putScratch(scratch);
    }
  }

  // args and body come as a pair and are only used as one; only the caller that is busy counts on
  @SuppressWarnings({"unchecked", "NonAtomicVolatileUpdate"})
  private <A> void runTogether(int count, A args, Body<A> body) {
    this.count = count;
    this.args = args;
    this.body = (Body<Object>) body;
    failure = null;
    next.set(0);
    running.set(workers.size());
    generation++;
    for (int i = 0; i < workers.size(); i++) {
      workers.get(i).wake();
    }
    Scratch scratch = takeScratch();
    try {
      drain(scratch);
    } finally {
      putScratch(scratch);
      awaitWorkers();
    }
    Throwable thrown = failure;
    if (thrown instanceof RuntimeException exception) {
      throw exception;
    }
    if (thrown instanceof Error error) {
      throw error;
    }
  }

  private void awaitWorkers() {
    int spins = 0;
    while (running.get() > 0) {
      if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  private void drain(Scratch scratch) {
    int limit = count;
    Body<Object> run = body;
    Object with = args;
    if (run == null || with == null) {
      return;
    }
    try {
      for (int i = next.getAndIncrement(); i < limit; i = next.getAndIncrement()) {
        run.run(with, i, scratch);
      }
    } catch (RuntimeException | Error e) {
      failure = e;
      next.set(limit);
    }
  }

  private Scratch takeScratch() {
    synchronized (callerScratch) {
      Scratch scratch = callerScratch.poll();
      return scratch == null ? new Scratch() : scratch;
    }
  }

  private void putScratch(Scratch scratch) {
    synchronized (callerScratch) {
      callerScratch.push(scratch);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
    }
    for (Worker worker : workers) {
      join(worker);
    }
    synchronized (callerScratch) {
      callerScratch.forEach(Scratch::close);
      callerScratch.clear();
    }
  }

  private static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Worker extends Thread {
    private volatile boolean parked;

    Worker(int number) {
      super("mamba-cpu-" + number);
      setDaemon(true);
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      int seen = 0;
      try (Scratch scratch = new Scratch()) {
        while (awaitGeneration(seen)) {
          seen = generation;
          drain(scratch);
          running.getAndDecrement();
        }
      }
    }

    private boolean awaitGeneration(int seen) {
      for (int i = 0; i < SPINS; i++) {
        if (generation != seen || closed) {
          return !closed;
        }
        Thread.onSpinWait();
      }
      parked = true;
      while (generation == seen && !closed) {
        LockSupport.park(WorkerPool.this);
      }
      parked = false;
      return !closed;
    }
  }
}
