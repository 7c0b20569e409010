package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * One of those that are compared. It has a process of its own, {@link ContestantMain}, which makes
 * it by a constructor that takes a {@link Setting}.
 */
interface Contestant extends AutoCloseable {
  /**
   * What a contestant is told when it starts.
   *
   * @param threads how many compute
   * @param files a folder for model files and unpacked libraries
   */
  record Setting(int threads, Path files) {}

  /** Returns what runs: versions, kernels, code paths. */
  Map<String, Object> describe();

  /**
   * Makes a piece of work ready and checks its results where a truth is known.
   *
   * @param cell which one, as its {@link Work} names it
   * @throws UnsupportedOperationException if it cannot do this work; the message says why
   * @throws IllegalStateException if a result is wrong
   */
  Trial prepare(String cell) throws IOException;

  @Override
  void close();
}
