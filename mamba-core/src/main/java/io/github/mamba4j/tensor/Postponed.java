package io.github.mamba4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * Kernel calls that nothing waits for before a backward pass ends: contributions to parameters'
 * gradients. They are kept until a kernel comes that leaves room beside it, and the pass does not
 * wait for them before the next such kernel. What they read stays as long.
 */
final class Postponed {
  /**
   * So many calls at most are kept for a kernel to come: those of a layer's four projections, of
   * its decays and of its taps.
   */
  private static final int MOST = 6;

  /**
   * A kernel call.
   *
   * @param kernel the call
   * @param result the parameter's gradient that it contributes to
   * @param done lets go of what it reads
   */
  private record Call(Runnable kernel, Gradient result, Runnable done) {}

  private final List<Call> kept = new ArrayList<>();
  private final List<Call> running = new ArrayList<>();

  /**
   * Keeps a call. What is contributed to its result later waits for it.
   *
   * @param scope where it is launched
   */
  void add(Scope scope, Runnable kernel, Gradient result, Runnable done) {
    if (kept.size() == MOST) {
      launchKept(scope);
    }
    kept.add(new Call(kernel, result, done));
    result.await(() -> launchKept(scope));
  }

  private void launchKept(Scope scope) {
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
    kept.forEach(call -> call.result.await(() -> join(scope)));
    running.addAll(kept);
    kept.clear();
    scope.launch(() -> scope.backend().beside(kernel, () -> calls.forEach(Runnable::run)));
  }

  /** Launches what was kept, and lets what comes later wait for all. */
  void end(Scope scope) {
    launchKept(scope);
    join(scope);
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
    calls.forEach(call -> call.result.await(null));
    calls.clear();
  }

  /**
   * Forgets what was kept, after a pass that failed, and lets what comes later wait for the rest.
   */
  void clear(Scope scope) {
    forget(kept);
    if (!running.isEmpty()) {
      forget(running);
      scope.backend().joinBeside();
    }
  }
}
