package io.github.mamba4j.tensor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Kernel calls that nothing waits for before a backward pass ends: contributions to parameters'
 * gradients. They are kept until a kernel comes that leaves room beside it, and the pass does not
 * wait for them before the next such kernel. What they read stays as long.
 */
final class Postponed {
  /**
   * So many calls at most are kept for a kernel to come: those of a layer's four projections, of
   * its decays and taps, and the sums of its norm, convolution and scan.
   */
  private static final int MOST = 9;

  /**
   * A kernel call.
   *
   * @param kernel the call
   * @param results the gradients that it contributes to
   * @param done lets go of what it reads
   */
  private record Call(Runnable kernel, List<Gradient> results, Runnable done) {
    void await(@Nullable Runnable launch) {
      results.forEach(result -> result.await(launch));
    }
  }

  private final List<Call> kept = new ArrayList<>();
  private final List<Call> running = new ArrayList<>();

  /**
   * Keeps a call. What else is contributed to its results waits for it, and who reads them.
   *
   * @param scope where it is launched
   */
  void add(Scope scope, Runnable kernel, List<Gradient> results, Runnable done) {
    if (kept.size() == MOST) {
      launchAll(scope);
    }
    Call call = new Call(kernel, results, done);
    kept.add(call);
    call.await(() -> launchAll(scope));
  }

  /** Launches what was kept, and lets what comes later wait for all. */
  void launchAll(Scope scope) {
    join(scope);
    kept.forEach(call -> scope.launch(call.kernel));
    finish(kept);
  }

  /**
   * Launches a kernel and what was kept beside it, after what was launched beside the one before.
   */
  void launchBeside(Scope scope, Runnable kernel) {
    join(scope);
    if (kept.isEmpty()) {
      scope.launch(kernel);
    } else {
      launch(scope, kernel);
    }
  }

  /** Launches what was kept beside all that comes before {@link #launchBeside} or the end. */
  void launchBesideAll(Scope scope) {
    launch(scope, () -> {});
  }

  private void launch(Scope scope, Runnable kernel) {
    List<Runnable> calls = kept.stream().map(Call::kernel).toList();
    kept.forEach(call -> call.await(() -> join(scope)));
    running.addAll(kept);
    kept.clear();
    scope.launch(() -> scope.backend().beside(kernel, () -> calls.forEach(Runnable::run)));
  }

  private void join(Scope scope) {
    if (!running.isEmpty()) {
      scope.launch(scope.backend()::joinBeside);
      finish(running);
    }
  }

  private static void finish(List<Call> calls) {
    calls.forEach(call -> call.done.run());
    forget(calls);
  }

  private static void forget(List<Call> calls) {
    calls.forEach(call -> call.await(null));
    calls.clear();
  }

  /** Forgets what was kept, after a pass that failed, and lets what comes later wait for the rest. */
  void clear(Scope scope) {
    forget(kept);
    if (!running.isEmpty()) {
      forget(running);
      scope.backend().joinBeside();
    }
  }
}
