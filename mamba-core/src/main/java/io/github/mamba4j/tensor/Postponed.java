package io.github.mamba4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * Kernel calls that nothing waits for before a backward pass ends: the gradients of weights. They
 * are kept until a kernel comes that leaves room beside it, with the gradients that they read.
 */
final class Postponed {
  /** So many gradients at most are kept for calls to come: those of a layer's projections. */
  private static final int MOST = 4;

  /**
   * A kernel call.
   *
   * @param kernel the call
   * @param result the parameter's gradient that it contributes to
   * @param read gives back the gradient that it reads
   */
  private record Call(Runnable kernel, Gradient result, Runnable read) {}

  private final List<Call> calls = new ArrayList<>();

  /**
   * Keeps a call. What is contributed to its result later waits for it.
   *
   * @param scope where it is launched
   */
  void add(Scope scope, Runnable kernel, Gradient result, Gradient read) {
    if (calls.size() == MOST) {
      launch(scope);
    }
    calls.add(new Call(kernel, result, read.hold()));
    result.await(() -> launch(scope));
  }

  /** Launches what was kept, one after the other. */
  void launch(Scope scope) {
    calls.forEach(call -> scope.launch(call.kernel));
    finish();
  }

  /** Launches a kernel and what was kept beside it. */
  void launchBeside(Scope scope, Runnable kernel) {
    if (calls.isEmpty()) {
      scope.launch(kernel);
      return;
    }
    List<Runnable> kept = calls.stream().map(Call::kernel).toList();
    scope.launch(() -> scope.backend().beside(kernel, () -> kept.forEach(Runnable::run)));
    finish();
  }

  private void finish() {
    calls.forEach(call -> call.read.run());
    clear();
  }

  /** Forgets what was kept. */
  void clear() {
    calls.forEach(call -> call.result.await(null));
    calls.clear();
  }
}
