package io.github.mamba4j.generate;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.SessionBatch;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The thread that decodes the sequences of many threads together.
 *
 * <p>It goes in rounds. In each it reads one piece of the prompt that has waited longest, so that
 * long prompts do not hold up those who run; and every sequence that has come with a token reads
 * it. Between rounds it waits a little for those who got logits in the last round: for a quarter of
 * the time that the round took, because a full round costs little more than one that lacks a few.
 */
final class BatchEngine implements AutoCloseable {
  private static final long LEAST_WAIT_NANOS = 200_000;
  private static final long MOST_WAIT_NANOS = 10_000_000;

  /** What a sequence is waiting for. */
  private enum Phase {
    /** A place, or the end of its prompt. */
    PROMPT,
    /** The logits after its token. */
    TOKEN,
    /** Its owner. */
    OWNER,
    /** Nothing; it has ended. */
    ENDED
  }

  private final MambaModel model;
  private final int maxSessions;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final ArrayDeque<Member> arrivals = new ArrayDeque<>();
  private final List<Member> members = new ArrayList<>();
  private final List<Member> round = new ArrayList<>();
  private final Thread thread;
  private @Nullable Member reading;
  private @Nullable Throwable failure;
  private boolean closed;

  /** How many of the last round have not come back yet. */
  private int awaited;

  private long waitUntil;

  BatchEngine(MambaModel model, int maxSessions) {
    this.model = model;
    this.maxSessions = maxSessions;
    // Opened here, so that what is wrong is thrown to the caller.
    SessionBatch batch = SessionBatch.open(model, maxSessions);
    thread = new Thread(() -> run(batch), "mamba-batch");
    thread.setDaemon(true);
    thread.start();
  }

  /** A sequence; its owner calls it, from one thread at a time. */
  final class Member implements RunningSequence {
    private final int[] prompt;
    private final Condition changed = lock.newCondition();
    private @Nullable InferenceState start;
    private SessionBatch.@Nullable Session session;
    private @Nullable MemorySegment logits;
    private @Nullable Throwable problem;
    private Phase phase = Phase.PROMPT;
    private int token;
    private boolean isAwaited;

    private Member(@Nullable InferenceState start, int[] prompt) {
      this.start = start;
      this.prompt = prompt;
    }

    @Override
    public void step(int next) {
      lock.lock();
      try {
        if (phase == Phase.OWNER) {
          token = next;
          phase = Phase.TOKEN;
          cameBack(this);
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public MemorySegment logits() {
      lock.lock();
      try {
        while (phase == Phase.PROMPT || phase == Phase.TOKEN) {
          changed.await();
        }
        if (problem != null) {
          throw new IllegalStateException(
              "BatchGenerator: decoding failed: " + problem.getMessage(), problem);
        }
        if (phase == Phase.ENDED || logits == null) {
          throw new CancellationException("BatchGenerator: the sequence has ended");
        }
        return logits;
      } catch (InterruptedException e) {
        end(this);
        Thread.currentThread().interrupt();
        throw new CancellationException("BatchGenerator: the waiting thread was interrupted");
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      close();
    }

    @Override
    public void close() {
      lock.lock();
      try {
        end(this);
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Queues a sequence.
   *
   * @param start what it continues, which it closes; null for the beginning
   * @param prompt tokens to read first, all of which exist
   */
  Member join(@Nullable InferenceState start, int[] prompt) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("BatchGenerator: is closed", failure);
      }
      Member member = new Member(start, prompt.clone());
      arrivals.add(member);
      work.signal();
      return member;
    } finally {
      lock.unlock();
    }
  }

  /** Returns how many sequences have not ended. */
  int sequences() {
    lock.lock();
    try {
      Stream<Member> all = Stream.concat(arrivals.stream(), members.stream());
      Stream<Member> first = Stream.ofNullable(reading);
      return (int) Stream.concat(all, first).filter(member -> member.phase != Phase.ENDED).count();
    } finally {
      lock.unlock();
    }
  }

  /** Under the lock: a member has given its token or ended. */
  private void cameBack(Member member) {
    if (member.isAwaited) {
      member.isAwaited = false;
      awaited--;
    }
    work.signal();
  }

  /** Under the lock. The engine takes it out of the batch. */
  private void end(Member member) {
    if (member.phase != Phase.ENDED) {
      member.phase = Phase.ENDED;
      member.changed.signalAll();
      cameBack(member);
    }
  }

  private void run(SessionBatch batch) {
    try (batch;
        InferenceState spare = model.newState()) {
      int read = 0;
      while (awaitWork()) {
        Member member = reading;
        if (member != null) {
          read = readPiece(batch, spare, member, read);
        }
        step(batch);
      }
    } catch (RuntimeException | Error e) {
      fail(e);
    } finally {
      endAll();
    }
  }

  private void fail(Throwable problem) {
    lock.lock();
    try {
      failure = problem;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until there is something to read; false when the engine is closed. */
  private boolean awaitWork() {
    lock.lock();
    try {
      while (!closed) {
        dropEnded();
        if (reading == null && members.size() < maxSessions) {
          reading = arrivals.poll();
        }
        collectRound();
        long left = awaited > 0 ? waitUntil - System.nanoTime() : 0;
        if (reading != null || (!round.isEmpty() && left <= 0)) {
          return true;
        }
        if (round.isEmpty()) {
          work.awaitUninterruptibly();
        } else {
          // Whether time or a signal came first, the loop looks again.
          long unused = work.awaitNanos(left);
        }
      }
      return false;
    } catch (InterruptedException e) {
      // Nobody but its creator knows this thread, and close does not interrupt it.
      throw new IllegalStateException("BatchEngine: was interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /** Under the lock. */
  private void collectRound() {
    round.clear();
    for (Member member : members) {
      if (member.phase == Phase.TOKEN) {
        round.add(member);
      }
    }
  }

  /** Begins a round; who has not come back by now is not waited for until it has. */
  private boolean beginRound() {
    lock.lock();
    try {
      collectRound();
      if (!round.isEmpty()) {
        members.forEach(member -> member.isAwaited = false);
        awaited = 0;
      }
      return !round.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Under the lock: frees the places of those who have ended. */
  private void dropEnded() {
    arrivals.removeIf(BatchEngine::dropped);
    members.removeIf(BatchEngine::dropped);
  }

  private static boolean dropped(Member member) {
    if (member.phase != Phase.ENDED) {
      return false;
    }
    if (member.session != null) {
      member.session.close();
      member.session = null;
    }
    closeStart(member);
    return true;
  }

  private static void closeStart(Member member) {
    if (member.start != null) {
      member.start.close();
      member.start = null;
    }
  }

  /** Reads the next piece of a prompt; at its end the sequence joins. Returns how much was read. */
  private int readPiece(SessionBatch batch, InferenceState spare, Member member, int read) {
    InferenceState state = member.start == null ? spare : member.start;
    int end = Math.min(member.prompt.length, read + state.pieceLength());
    Throwable problem = null;
    try {
      if (read == 0 && state == spare) {
        spare.reset();
      }
      state.prefill(Arrays.copyOfRange(member.prompt, read, end));
      if (end == member.prompt.length) {
        member.session = batch.join(state);
        member.logits = member.session.logits();
        closeStart(member);
      }
    } catch (RuntimeException | Error e) {
      problem = e;
    }
    lock.lock();
    try {
      if (problem != null) {
        member.problem = problem;
        end(member);
      } else if (member.phase != Phase.ENDED && member.session == null) {
        return end;
      }
      reading = null;
      if (member.phase == Phase.PROMPT) {
        member.phase = Phase.OWNER;
        member.changed.signalAll();
        members.add(member);
      } else {
        boolean unused = dropped(member);
      }
      return 0;
    } finally {
      lock.unlock();
    }
  }

  /** Lets everyone in the round read their token. */
  private void step(SessionBatch batch) {
    if (!beginRound()) {
      return;
    }
    long start = System.nanoTime();
    Throwable problem = null;
    try {
      for (Member member : round) {
        if (member.session != null) {
          member.session.next(member.token);
        }
      }
      batch.step();
      for (Member member : round) {
        member.logits = member.session == null ? null : member.session.logits();
      }
    } catch (RuntimeException | Error e) {
      problem = e;
    }
    long now = System.nanoTime();
    lock.lock();
    try {
      waitUntil = now + Math.clamp((now - start) / 4, LEAST_WAIT_NANOS, MOST_WAIT_NANOS);
      for (Member member : round) {
        handBack(member, problem);
      }
    } finally {
      lock.unlock();
    }
  }

  private void handBack(Member member, @Nullable Throwable problem) {
    if (problem != null) {
      member.problem = problem;
      end(member);
    } else if (member.phase == Phase.TOKEN) {
      member.phase = Phase.OWNER;
      member.changed.signalAll();
      member.isAwaited = true;
      awaited++;
    }
  }

  private void endAll() {
    lock.lock();
    try {
      closed = true;
      arrivals.addAll(members);
      if (reading != null) {
        arrivals.add(reading);
      }
      for (Member member : arrivals) {
        member.problem = failure;
        end(member);
        closeStart(member);
      }
      arrivals.clear();
      members.clear();
    } finally {
      lock.unlock();
    }
  }

  /** Ends all sequences and the thread. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      work.signal();
    } finally {
      lock.unlock();
    }
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
}
