package io.github.mamba4j.model;

import io.github.mamba4j.spi.DType;
import java.lang.System.Logger;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Reads a mapped file behind the load, on a thread of its own: first a byte of each page, so that
 * the first token finds them in memory and in the process's tables; later, because the first token
 * needs the processors, all of it, to warn of weights that are not numbers.
 */
final class WeightCheck {
  /** Bytes between two looks at whether to stop: less than a millisecond in memory. */
  private static final long PIECE_BYTES = 34L << 13;

  /** How long the first tokens of a model have the machine for themselves. */
  private static final long PAUSE_MILLIS = 2000;

  /** Elements that are looked at together; they fit the first-level cache. */
  private static final int PART = 4096;

  /**
   * A mapped parameter.
   *
   * @param name its name
   * @param type the type of its elements
   * @param bytes its elements
   */
  record Weights(String name, DType type, MemorySegment bytes) {}

  private final Path path;
  private final List<Weights> weights;
  private final Thread thread;
  private final CountDownLatch wanted = new CountDownLatch(1);
  private volatile boolean stopped;

  private WeightCheck(Path path, List<Weights> weights) {
    this.path = path;
    this.weights = List.copyOf(weights);
    this.thread = new Thread(this::run, "mamba-weight-check");
    thread.setDaemon(true);
    thread.setPriority(Thread.MIN_PRIORITY);
  }

  /** Starts to check weights that stay readable until {@link #stop}. */
  static WeightCheck start(Path path, List<Weights> weights) {
    WeightCheck check = new WeightCheck(path, weights);
    check.thread.start();
    return check;
  }

  private void run() {
    touch();
    pause();
    List<String> broken = new ArrayList<>();
    for (Weights parameter : weights) {
      if (hasNaN(parameter)) {
        broken.add(parameter.name());
      }
    }
    warn(path, broken);
  }

  /** Has the pages brought in; last those of the first parameter, a table that is read last. */
  private void touch() {
    for (int i = 1; i <= weights.size(); i++) {
      MemorySegment bytes = weights.get(i % weights.size()).bytes();
      for (long at = 0; at < bytes.byteSize() && bytes.isMapped() && !stopped; at += PIECE_BYTES) {
        bytes.asSlice(at, Math.min(PIECE_BYTES, bytes.byteSize() - at)).load();
      }
    }
  }

  /** Leaves processor and memory to the first tokens, unless the check is waited for. */
  private void pause() {
    try {
      wanted.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean hasNaN(Weights parameter) {
    MemorySegment bytes = parameter.bytes();
    boolean found = false;
    for (long at = 0; at < bytes.byteSize() && !stopped && !found; at += PIECE_BYTES) {
      long size = Math.min(PIECE_BYTES, bytes.byteSize() - at);
      found = hasNaN(parameter.type(), bytes.asSlice(at, size));
    }
    return found;
  }

  /** Stops the check where it is and waits until it no longer reads. */
  void stop() {
    stopped = true;
    await();
  }

  /** Waits for the end of the check. */
  void await() {
    wanted.countDown();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Warns if there are such parameters. */
  static void warn(Path path, List<String> broken) {
    if (!broken.isEmpty()) {
      // Asked for here: the classes of loggers are many for a program that warns of nothing.
      Logger log = System.getLogger(ModelReader.class.getName());
      log.log(Logger.Level.WARNING, "{0}: weights that are not numbers (NaN) in {1}", path, broken);
    }
  }

  /** Returns whether whole blocks of a floating type hold a NaN. */
  static boolean hasNaN(DType type, MemorySegment bytes) {
    return switch (type) {
      case F32 -> hasNaN32(bytes);
      case BF16 -> hasNaN16(bytes, 0x7f80);
      case F16 -> hasNaN16(bytes, 0x7c00);
      case INT8 -> hasNaN8(bytes);
      case I32 -> false;
    };
  }

  private static boolean hasNaN32(MemorySegment bytes) {
    // By way of an array, which is fast before the loop is compiled well: a load waits for it.
    int[] part = new int[PART];
    int largest = 0;
    for (long at = 0; at < bytes.byteSize(); at += (long) PART * Integer.BYTES) {
      int count = (int) Math.min(PART, (bytes.byteSize() - at) / Integer.BYTES);
      MemorySegment.copy(bytes, ValueLayout.JAVA_INT_UNALIGNED, at, part, 0, count);
      largest = Math.max(largest, largestMagnitude(part, count));
    }
    return largest > 0x7f80_0000;
  }

  private static int largestMagnitude(int[] bits, int count) {
    int largest = 0;
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, bits[i] & Integer.MAX_VALUE);
    }
    return largest;
  }

  private static boolean hasNaN16(MemorySegment bytes, int infinity) {
    int largest = 0;
    for (long at = 0; at < bytes.byteSize(); at += Short.BYTES) {
      int magnitude = bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) & Short.MAX_VALUE;
      largest = Math.max(largest, magnitude);
    }
    return largest > infinity;
  }

  private static boolean hasNaN8(MemorySegment blocks) {
    for (long at = 0; at < blocks.byteSize(); at += DType.INT8.blockBytes()) {
      float scale = Float.float16ToFloat(blocks.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      if (!Float.isFinite(scale)) {
        for (long i = at + Short.BYTES; i < at + DType.INT8.blockBytes(); i++) {
          // An infinite scale makes a NaN of zero.
          if (Float.isNaN(scale * blocks.get(ValueLayout.JAVA_BYTE, i))) {
            return true;
          }
        }
      }
    }
    return false;
  }
}
