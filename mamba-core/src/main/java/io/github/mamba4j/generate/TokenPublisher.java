package io.github.mamba4j.generate;

import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Publishes the tokens of a generation that starts anew for every subscriber.
 *
 * <p>No token is computed that was not requested, and none after a cancellation: the request and
 * cancel rules of {@link Flow} (Reactive Streams) hold, rule 3.9 included.
 */
final class TokenPublisher implements Flow.Publisher<GeneratedToken> {
  private final Supplier<TokenStream> start;
  private final Executor executor;

  TokenPublisher(Supplier<TokenStream> start, Executor executor) {
    this.start = start;
    this.executor = executor;
  }

  @Override
  public void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber) {
    Run run = new Run(Objects.requireNonNull(subscriber, "subscriber"));
    executor.execute(run);
  }

  private final class Run implements Flow.Subscription, Runnable {
    private final Flow.Subscriber<? super GeneratedToken> subscriber;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long demand;
    private boolean cancelled;
    private boolean invalid;
    private @Nullable TokenStream running;

    Run(Flow.Subscriber<? super GeneratedToken> subscriber) {
      this.subscriber = subscriber;
    }

    @Override
    public void request(long count) {
      lock.lock();
      try {
        if (count <= 0) {
          invalid = true;
        } else {
          demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        cancelled = true;
        changed.signalAll();
        if (running != null) {
          running.cancel();
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void run() {
      subscriber.onSubscribe(this);
      try {
        if (!awaitDemand()) {
          return;
        }
        try (TokenStream tokens = start.get()) {
          if (begin(tokens)) {
            publish(tokens);
          }
        }
      } catch (RuntimeException | Error e) {
        fail(e);
      }
    }

    /** Makes the stream known to {@link #cancel}; false if that came before. */
    private boolean begin(TokenStream tokens) {
      lock.lock();
      try {
        running = tokens;
        return !cancelled;
      } finally {
        lock.unlock();
      }
    }

    private void publish(TokenStream tokens) {
      while (awaitDemand()) {
        if (!tokens.hasNext()) {
          fail(new CancellationException("TokenPublisher: the generator was closed"));
          return;
        }
        GeneratedToken token = tokens.next();
        lock.lock();
        try {
          demand--;
        } finally {
          lock.unlock();
        }
        subscriber.onNext(token);
        if (tokens.finishReason().isPresent()) {
          complete();
          return;
        }
      }
    }

    private void complete() {
      if (!isCancelled()) {
        subscriber.onComplete();
      }
    }

    private void fail(Throwable problem) {
      if (!isCancelled()) {
        subscriber.onError(problem);
      }
    }

    private boolean isCancelled() {
      lock.lock();
      try {
        return cancelled;
      } finally {
        lock.unlock();
      }
    }

    /** Waits until a token may be sent; false if the subscription has ended. */
    private boolean awaitDemand() {
      lock.lock();
      try {
        while (demand == 0 && !cancelled && !invalid) {
          changed.awaitUninterruptibly();
        }
        if (invalid && !cancelled) {
          throw new IllegalArgumentException(
              "TokenPublisher: the requested number of tokens must be positive (rule 3.9)");
        }
        return !cancelled;
      } finally {
        lock.unlock();
      }
    }
  }
}
