package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Has the loops over arrays compiled while a program opens its model, on a thread that calls them
 * on small made-up data: the model's first token waits for them ({@link StartKernels}).
 *
 * <p>Compiled code belongs to the JVM, so this is done once, whatever the number of devices. The
 * thread is a daemon: a program that ends before does not wait. It uses memory and a pool of its
 * own, so devices may close meanwhile.
 */
final class ArrayWarmUp {
  /** How long the loops are called at most. */
  private static final long NANOS = 250_000_000;

  /** Time steps of a piece: those of a product with few rows. */
  private static final int STEPS = CpuMatmul.MAX_DOT_ROWS;

  private static final int CHANNELS = 256;

  /** The same of scans, which take longest: as little as goes round all loops. */
  private static final int SCANNED = 64;

  private static final int SCANNED_STEPS = ScanLoops.FEW_STEPS;
  private static final int TAPS = 4;

  private static final AtomicBoolean STARTED = new AtomicBoolean();

  /** Whether the program computes, by which it has its loops compiled itself. */
  private static volatile boolean ended;

  private ArrayWarmUp() {}

  /** Starts the thread, if none has been started in this JVM. */
  static void start() {
    if (STARTED.compareAndSet(false, true)) {
      Thread thread =
          new Thread("mamba-warm-up") {
            @Override
            public void run() {
              callArrays();
            }
          };
      thread.setDaemon(true);
      thread.setPriority(Thread.MIN_PRIORITY);
      thread.start();
    }
  }

  /** Ends it: the program computes. */
  static void end() {
    ended = true;
  }

  private static void callArrays() {
    try (WorkerPool pool = new WorkerPool(1)) {
      ScalarMatmul products = new ScalarMatmul(pool);
      ScanForward scans = new ScanForward(pool, new ArrayScanLoops());
      ArrayConv convolutions = new ArrayConv(pool);
      ArrayNorm norms = new ArrayNorm(pool);
      MatmulKernels.Product product = product(STEPS);
      MatmulKernels.Product row = product(1);
      ScanKernels.Forward scan = scan(SCANNED_STEPS);
      ConvKernels.Forward convolution = convolution(STEPS);
      NormKernels.Forward norm = norm();
      long start = System.nanoTime();
      while (!ended && System.nanoTime() - start < NANOS) {
        for (int i = 0; i < 4; i++) {
          products.matmul(product);
          products.matmul(row);
        }
        scans.run(scan);
        convolutions.forward(convolution);
        norms.forward(norm);
      }
    }
  }

  /** Returns rows of zeros, for which the loops take the time that they take for other numbers. */
  private static View view(long rows, int columns) {
    MemorySegment memory = Arena.ofAuto().allocate(rows * columns * Float.BYTES, 64);
    return new View(new CpuStorage(memory), DType.F32, 0, columns);
  }

  private static MatmulKernels.Product product(int rows) {
    int n = 2 * STEPS;
    return new MatmulKernels.Product(
        new MatmulKernels.Shape(1, rows, n, CHANNELS),
        new MatmulKernels.Operand(view(rows, CHANNELS), false, 0),
        new MatmulKernels.Operand(view(n, CHANNELS), true, 0),
        new Sink(view(rows, n), false),
        0,
        null);
  }

  private static ScanKernels.Forward scan(int length) {
    ScanKernels.Shape shape =
        new ScanKernels.Shape(
            1, length, SCANNED, ScanTile.STATE_GROUP, ScanKernels.Discretization.EULER, true);
    View state = view(ScanTile.STATE_GROUP, SCANNED);
    ScanKernels.Inputs inputs =
        new ScanKernels.Inputs(
            view(length, SCANNED),
            view(length, SCANNED),
            view(ScanTile.STATE_GROUP, SCANNED),
            view(length, ScanTile.STATE_GROUP),
            view(length, ScanTile.STATE_GROUP),
            view(1, SCANNED),
            view(length, SCANNED),
            view(1, SCANNED),
            state);
    return new ScanKernels.Forward(
        shape, inputs, view(length, SCANNED), state, null, view(1, SCANNED));
  }

  private static ConvKernels.Forward convolution(int length) {
    View state = view(TAPS - 1, CHANNELS);
    ConvKernels.Inputs inputs =
        new ConvKernels.Inputs(
            view(length, CHANNELS), view(TAPS, CHANNELS), view(1, CHANNELS), state);
    return new ConvKernels.Forward(
        new ConvKernels.Shape(1, length, CHANNELS, TAPS, true),
        inputs,
        view(length, CHANNELS),
        state);
  }

  private static NormKernels.Forward norm() {
    View sum = view(STEPS, CHANNELS);
    return new NormKernels.Forward(
        STEPS,
        CHANNELS,
        1e-5f,
        sum,
        view(STEPS, CHANNELS),
        view(1, CHANNELS),
        view(STEPS, CHANNELS),
        sum,
        null);
  }
}
