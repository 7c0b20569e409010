package io.github.mamba4j.examples.lm;

import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Lets work end in order when the JVM is told to stop (Ctrl-C, SIGTERM): asks it to stop, then
 * holds the JVM until {@link #close}. The JVM then ends with the signal's exit code, 130 for
 * Ctrl-C.
 */
final class StopSignal implements AutoCloseable {
  private final CountDownLatch done = new CountDownLatch(1);
  private @Nullable Thread hook;

  /**
   * Starts to listen.
   *
   * @param stop asks the work to end soon; runs in another thread
   */
  void install(Runnable stop) {
    Thread thread =
        new Thread(
            () -> {
              stop.run();
              awaitDone();
            },
            "mamba-stop");
    Runtime.getRuntime().addShutdownHook(thread);
    hook = thread;
  }

  private void awaitDone() {
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    Thread installed = hook;
    if (installed != null) {
      remove(installed);
    }
    done.countDown();
  }

  /** Takes a hook away, unless the JVM is stopping already. */
  static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException stopping) {
      // The hook runs or has run; there is nothing to take away.
      return;
    }
  }
}
