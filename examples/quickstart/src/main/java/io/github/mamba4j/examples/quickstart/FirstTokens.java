package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.generate.GeneratedToken;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

/** Asks for one token after the other and cancels when it has enough; no more are computed. */
final class FirstTokens implements Flow.Subscriber<GeneratedToken> {
  final CompletableFuture<Integer> end = new CompletableFuture<>();
  private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
  private final int enough;
  private int seen;

  FirstTokens(int enough) {
    this.enough = enough;
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    subscription.complete(given);
    given.request(1);
  }

  @Override
  public void onNext(GeneratedToken token) {
    seen++;
    if (seen == enough) {
      subscription.join().cancel();
      end.complete(seen);
    } else {
      subscription.join().request(1);
    }
  }

  @Override
  public void onError(Throwable problem) {
    end.completeExceptionally(problem);
  }

  @Override
  public void onComplete() {
    end.complete(seen);
  }
}
