package io.github.mamba4j.spi;

/** Kernel calls that run again, in order, with the same arguments, at each call of {@link #run}. */
public interface Replay extends Runnable, AutoCloseable {
  /** Frees what the device holds for it, after it has run; closing again does nothing. */
  @Override
  void close();
}
