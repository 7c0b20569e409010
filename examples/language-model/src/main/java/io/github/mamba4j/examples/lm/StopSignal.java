package io.github.mamba4j.examples.lm;

import java.util.concurrent.CountDownLatch;

/**
 * Lets work end in order when the JVM is told to stop (Ctrl-C, SIGTERM): asks it to stop, then holds
 * the JVM until {@link #close}. The JVM then ends with the signal's exit code, 130 for Ctrl-C.
 */
final class StopSignal implements AutoCloseable {
  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread hook;

  private StopSignal(Runnable stop) {
    this.hook =
        new Thread(
            () -> {
              stop.run();
              awaitDone();
            },
            "mamba-stop");
  }

  /**
   * Starts to listen.
   *
   * @param stop asks the work to end soon; runs in another thread
   */
  static StopSignal install(Runnable stop) {
    StopSignal signal = new StopSignal(stop);
    Runtime.getRuntime().addShutdownHook(signal.hook);
    return signal;
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
    remove(hook);
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
