package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much this process grew at most since some moment, as Linux counts its resident pages. */
final class ProcessMemory {
  private static final Path SELF = Path.of("/proc/self");
  private static final String RESIDENT = "VmRSS:";
  private static final String PEAK = "VmHWM:";
  private static final String RESET_PEAK = "5";

  private final long before;

  private ProcessMemory(long before) {
    this.before = before;
  }

  /** Starts to watch. */
  @SuppressWarnings("CallToSystemGC") // what was let go must not be refilled unseen
  static ProcessMemory watch() {
    System.gc();
    LinuxCalls.releaseFreed();
    try {
      Files.writeString(SELF.resolve("clear_refs"), RESET_PEAK);
    } catch (IOException e) {
      throw new UncheckedIOException("ProcessMemory: the peak cannot be reset", e);
    }
    return new ProcessMemory(read(RESIDENT));
  }

  /** Returns the bytes by which the process was larger than at the start, at most. */
  long growth() {
    return read(PEAK) - before;
  }

  private static long read(String name) {
    try {
      for (String line : Files.readAllLines(SELF.resolve("status"))) {
        if (line.startsWith(name)) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new IllegalStateException("ProcessMemory: no " + name + " in " + SELF);
  }
}
