package io.github.mamba4j.model;

import io.github.mamba4j.spi.DType;
import java.lang.System.Logger;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Looks for weights that are not numbers in a mapped file, and warns of them. It runs on a thread
 * of its own, because it reads the whole file; the pages that it has read are in memory when the
 * first token needs them.
 */
final class WeightCheck {
  private static final Logger LOG = System.getLogger(ModelReader.class.getName());

  /** Bytes between two looks at whether to stop: less than a millisecond in memory. */
  private static final long PIECE_BYTES = 34L << 13;

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
    List<String> broken = new ArrayList<>();
    for (Weights parameter : weights) {
      if (hasNaN(parameter)) {
        broken.add(parameter.name());
      }
    }
    warn(path, broken);
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
      LOG.log(Logger.Level.WARNING, "{0}: weights that are not numbers (NaN) in {1}", path, broken);
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
    int largest = 0;
    for (long at = 0; at < bytes.byteSize(); at += Integer.BYTES) {
      int magnitude = bytes.get(ValueLayout.JAVA_INT_UNALIGNED, at) & Integer.MAX_VALUE;
      largest = Math.max(largest, magnitude);
    }
    return largest > 0x7f80_0000;
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
