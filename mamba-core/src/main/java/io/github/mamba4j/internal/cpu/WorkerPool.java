package io.github.mamba4j.internal.cpu;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads of one CPU backend. They split the tasks of one kernel at a time.
 *
 * <p>A kernel hands over a number of tasks, an argument and a body that captures nothing, so a call
 * allocates nothing. Each thread begins with a range of the tasks that is the same in every call of
 * as many tasks, so that what a task wrote (a state, an activation) is in the caches of the thread
 * that reads it next; a thread that has done its own takes those of others. Which thread runs which
 * task is left open all the same; kernels cut their tasks by shape alone, so results do not depend
 * on it. The calling thread works too, and never waits for a thread that has taken no task. A
 * second caller that comes while the threads are busy runs its tasks alone, on its own thread; so
 * does a task that calls again.
 *
 * <p>Idle threads spin for some ten microseconds before they park: the kernels of a step follow
 * each other faster than a parked thread wakes up.
 */
final class WorkerPool implements AutoCloseable {
  /*
   * How a job is handed over. Each thread's range of tasks has a word in `unclaimed`: the job's
   * number (upper half) and how many of the range's tasks nobody has claimed (lower half). The
   * caller writes the job's fields, then the words. A thread claims a task by reading a word, then
   * the fields, then lowering the word by compare-and-set. The fields are rewritten only when all
   * tasks of the job have ended, the lower halves then being zero; so a claim that succeeds proves
   * that the fields belong to the job, and a thread that was held up between its reads fails the
   * compare-and-set and looks again. `ended` counts tasks that have run; a thread adds what it ran
   * when it finds no more, and the caller waits for the sum.
   */
  private static final long SPIN_NANOS = 50_000;
  private static final int SPINS_PER_CLOCK_READ = 32;
  private static final long JOB_NUMBER = 0xffff_ffff_0000_0000L;

  /** From a range's word to the next, so that each has a pair of cache lines for itself. */
  private static final int APART = 16;

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
  private final AtomicBoolean closed = new AtomicBoolean();

  /** How many callers are inside, those that came in even and in odd phases apart. */
  private final AtomicInteger[] callers = {new AtomicInteger(), new AtomicInteger()};

  private final AtomicInteger phase = new AtomicInteger();
  private final AtomicBoolean busy = new AtomicBoolean();
  private final AtomicLongArray unclaimed;
  private final AtomicInteger ended = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private int count;
  private @Nullable Object args;
  private @Nullable Body<Object> body;

  /**
   * Starts the threads.
   *
   * @param threads how many compute, the caller included, positive
   */
  WorkerPool(int threads) {
    unclaimed = new AtomicLongArray((threads + 1) * APART);
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
   * Runs tasks 0 to {@code count − 1} and returns when all have ended. If one throws, those that
   * nobody has begun are left out.
   *
   * @param count number of tasks, not negative
   * @param args the kernel's argument
   * @param body what runs a task
   * @throws IllegalStateException if the pool is closed
   * @throws RuntimeException or Error, the first that a task threw
   */
  <A> void forEach(int count, A args, Body<A> body) {
    AtomicInteger inside = callers[phase.get() & 1];
    inside.getAndIncrement();
    // After that, because close() says that the pool is closed before it waits for callers.
    if (closed.get()) {
      inside.getAndDecrement();
      throw new IllegalStateException("CpuBackend: the backend is closed, open a new one");
    }
    Scratch scratch = takeScratch();
    try {
      if (count > 1 && !workers.isEmpty() && busy.compareAndSet(false, true)) {
        try {
          runTogether(count, args, body, scratch);
        } finally {
          busy.set(false);
        }
      } else {
        for (int i = 0; i < count; i++) {
          body.run(args, i, scratch);
        }
      }
    } finally {
      putScratch(scratch);
      inside.getAndDecrement();
    }
  }

  /**
   * Waits until all calls have ended that are inside now. Of others that come meanwhile, it may
   * wait for those that come first, not for all. Not to be called from a task.
   */
  synchronized void awaitCallers() {
    // Twice: a caller may have read the phase long before it counted itself. Once both numbers were
    // zero after this began, whoever is inside came later.
    for (int i = 0; i < callers.length; i++) {
      AtomicInteger before = callers[phase.getAndIncrement() & 1];
      while (before.get() != 0) {
        Thread.yield();
      }
    }
  }

  @SuppressWarnings("unchecked") // args and body come as a pair and are only used as one
  private <A> void runTogether(int count, A args, Body<A> body, Scratch scratch) {
    this.count = count;
    this.args = args;
    this.body = (Body<Object>) body;
    failure.set(null);
    ended.set(0);
    long job = (unclaimed.get(word(0)) >>> Integer.SIZE) + 1;
    // The caller's last: the others may begin meanwhile.
    for (int i = workers.size(); i >= 0; i--) {
      int tasks = end(i) - end(i - 1);
      unclaimed.set(word(i), job << Integer.SIZE | tasks);
      if (i > 0 && tasks > 0) {
        workers.get(i - 1).wake();
      }
    }
    drain(0, scratch);
    awaitEnd(count);
    this.args = null;
    this.body = null;
    Throwable thrown = failure.get();
    if (thrown instanceof RuntimeException exception) {
      throw exception;
    }
    if (thrown instanceof Error error) {
      throw error;
    }
  }

  private void awaitEnd(int count) {
    int spins = 0;
    while (ended.get() != count) {
      if (++spins < SPINS_PER_CLOCK_READ * SPINS_PER_CLOCK_READ) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  /** Returns the place of a thread's word; the first lies apart from the array's length, too. */
  private static int word(int thread) {
    return (thread + 1) * APART;
  }

  /** Returns the end of a thread's range of tasks. Of few tasks the caller, thread 0, has one. */
  private int end(int thread) {
    int threads = threads();
    return (int) (((thread + 1L) * count + threads - 1) / threads);
  }

  private boolean hasUnclaimedTasks(int thread) {
    return (int) unclaimed.get(word(thread)) != 0;
  }

  /** Claims and runs tasks until none is left, those of a thread's range first. */
  private void drain(int thread, Scratch scratch) {
    int ran = 0;
    int threads = threads();
    for (int i = 0; i < threads; i++) {
      ran += drainRange((thread + i) % threads, scratch);
    }
    if (ran > 0) {
      ended.getAndAdd(ran);
    }
  }

  private int drainRange(int range, Scratch scratch) {
    int ran = 0;
    int word = word(range);
    for (long seen = unclaimed.get(word); (int) seen != 0; seen = unclaimed.get(word)) {
      int index = end(range) - (int) seen;
      Object with = args;
      Body<Object> run = body;
      if (with == null || run == null || !unclaimed.compareAndSet(word, seen, seen - 1)) {
        continue;
      }
      ran++;
      try {
        run.run(with, index, scratch);
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
        ran += claimAll();
      }
    }
    return ran;
  }

  /** Takes all tasks that nobody has claimed; the job lasts until its caller's own are counted. */
  private int claimAll() {
    int claimed = 0;
    for (int i = 0; i < threads(); i++) {
      claimed += (int) unclaimed.getAndUpdate(word(i), seen -> seen & JOB_NUMBER);
    }
    return claimed;
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

  /** Waits for the kernels that run and ends the threads. Not to be called from a task. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    awaitCallers();
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
    private final int number;
    private volatile boolean parked;

    Worker(int number) {
      super("mamba-cpu-" + number);
      this.number = number;
      setDaemon(true);
    }

    /** Comes after the write of its word; this thread writes its flag before it reads the word. */
    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      try (Scratch scratch = new Scratch()) {
        while (awaitTasks()) {
          drain(number, scratch);
        }
      }
    }

    /** Returns true when there are tasks, false when the pool is closed. */
    private boolean awaitTasks() {
      long start = System.nanoTime();
      do {
        for (int i = 0; i < SPINS_PER_CLOCK_READ; i++) {
          if (hasUnclaimedTasks(number)) {
            return true;
          }
          Thread.onSpinWait();
        }
      } while (System.nanoTime() - start < SPIN_NANOS);
      parked = true;
      while (!hasUnclaimedTasks(number) && !closed.get()) {
        LockSupport.park(WorkerPool.this);
        // A pending interrupt would make every park return at once.
        Thread.interrupted();
      }
      parked = false;
      return hasUnclaimedTasks(number) || !closed.get();
    }
  }
}
