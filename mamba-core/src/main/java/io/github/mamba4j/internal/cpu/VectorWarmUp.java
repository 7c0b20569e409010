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
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Has the loops that inference needs compiled beside the program, on a thread that calls them on
 * small made-up data: first those over arrays, while the program opens its model, and from {@link
 * #begin} on those over vectors, until each is faster than its loop over arrays ({@link
 * StartKernels}).
 *
 * <p>Compiled code belongs to the JVM, so this is done once, whatever the number of devices. The
 * thread is a daemon: a program that ends before does not wait. It uses memory and a pool of its
 * own, so devices may close meanwhile. Where the compiler that knows vectors is switched off, they
 * never become faster, and the loops over arrays stay.
 */
final class VectorWarmUp {
  /** Loops that change from arrays to vectors together. */
  static final class Loops {
    /** Products with one row: a token's. */
    static final Loops ROW = new Loops();

    /** Products with few rows. */
    static final Loops PRODUCTS = new Loops();

    /** A token's scan. */
    static final Loops STEP = new Loops();

    /** Forward scans of several steps. */
    static final Loops SCAN = new Loops();

    /** Forward convolutions. */
    static final Loops CONVOLUTION = new Loops();

    /** Normalisation forward, and functions of elements. */
    static final Loops NORM = new Loops();

    private volatile boolean warm;

    private Loops() {}

    /** Returns whether the loops over vectors are the faster ones. */
    boolean areWarm() {
      return warm;
    }
  }

  /** Calls between two comparisons: fewer than it takes to be compiled. */
  private static final int CALLS = 25;

  /** Calls that are timed; the shortest counts. */
  private static final int TIMED = 3;

  /** How many times faster compiled loops over vectors are at least. */
  private static final int CLEARLY = 3;

  /** How long loops over arrays are called before anything else needs the processors. */
  private static final long ARRAYS_NANOS = 250_000_000;

  /** Pause after some calls, and the one where vectors are not faster after that long. */
  private static final long PAUSE_MILLIS = 5;

  private static final long SOON_NANOS = 20_000_000_000L;
  private static final long LONG_PAUSE_MILLIS = 5000;

  /** Time steps of a piece: those of a product with few rows. */
  private static final int STEPS = CpuMatmul.MAX_DOT_ROWS;

  private static final int CHANNELS = 256;

  /** The same of scans, which take longest: as little as goes round all loops. */
  private static final int SCANNED = 64;

  private static final int SCANNED_STEPS = ScanLoops.FEW_STEPS;
  private static final int TAPS = 4;

  private static final AtomicBoolean STARTED = new AtomicBoolean();
  private static final CountDownLatch BEGUN = new CountDownLatch(1);

  /** Types of right factors that are in use. */
  private static final Set<DType> TYPES = EnumSet.of(DType.F32);

  /** Whether the program computes, by which it has its loops compiled itself. */
  private static volatile boolean inUse;

  /** Whether the program does without. */
  private static volatile boolean left;

  private final WorkerPool pool;
  private final ScalarMatmul products;
  private final ScanForward scans;
  private final ScanStep steps;
  private final ArrayConv convolutions;
  private final ArrayNorm norms;

  private VectorWarmUp(WorkerPool pool) {
    this.pool = pool;
    products = new ScalarMatmul(pool);
    scans = new ScanForward(pool, new ArrayScanLoops());
    steps = new ScanStep(pool, new ArrayStepLoops());
    convolutions = new ArrayConv(pool);
    norms = new ArrayNorm(pool);
  }

  /** Starts the thread, if none has been started in this JVM. */
  static void start() {
    if (STARTED.compareAndSet(false, true)) {
      Thread thread =
          new Thread("mamba-warm-up") {
            @Override
            public void run() {
              work();
            }
          };
      thread.setDaemon(true);
      thread.setPriority(Thread.MIN_PRIORITY);
      thread.start();
    }
  }

  /** Tells that the program computes, with weights of a type. */
  static void uses(DType type) {
    inUse = true;
    if (type != DType.F32 && BEGUN.getCount() > 0) {
      synchronized (TYPES) {
        TYPES.add(type);
      }
    }
  }

  /** Lets the thread go on with the vectors: the first token is there. */
  static void begin() {
    if (BEGUN.getCount() > 0) {
      BEGUN.countDown();
    }
  }

  /**
   * Leaves it to the program to have its loops over vectors compiled by using them: it trains,
   * which needs many more than are known here, and most of these for a large part of its first
   * steps.
   */
  static void leave() {
    if (!left) {
      left = true;
      Loops.ROW.warm = true;
      Loops.PRODUCTS.warm = true;
      Loops.STEP.warm = true;
      Loops.SCAN.warm = true;
      Loops.CONVOLUTION.warm = true;
      Loops.NORM.warm = true;
      begin();
    }
  }

  private static void work() {
    try (WorkerPool pool = new WorkerPool(1)) {
      VectorWarmUp warmUp = new VectorWarmUp(pool);
      warmUp.callArrays();
      BEGUN.await();
      warmUp.callVectors();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void callArrays() {
    MatmulKernels.Product product = product(STEPS, DType.F32);
    MatmulKernels.Product row = product(1, DType.F32);
    ScanKernels.Forward scan = scan(SCANNED_STEPS);
    ConvKernels.Forward convolution = convolution(STEPS);
    NormKernels.Forward norm = norm();
    long start = System.nanoTime();
    while (!inUse && !left && System.nanoTime() - start < ARRAYS_NANOS) {
      for (int i = 0; i < 4; i++) {
        products.matmul(product);
        products.matmul(row);
      }
      scans.run(scan);
      convolutions.forward(convolution);
      norms.forward(norm);
    }
  }

  /** In the order in which they hold up a program that goes on token by token. */
  private void callVectors() throws InterruptedException {
    KernelSet vectors = VectorKernels.create(pool);
    warmProducts(vectors, 1);
    Loops.ROW.warm = true;
    ScanKernels.Forward step = scan(1);
    warm(() -> vectors.scan().forward(step), () -> steps.run(step));
    Loops.STEP.warm = true;
    for (int length : new int[] {1, STEPS}) {
      ConvKernels.Forward convolution = convolution(length);
      warm(() -> vectors.conv().forward(convolution), () -> convolutions.forward(convolution));
    }
    Loops.CONVOLUTION.warm = true;
    NormKernels.Forward norm = norm();
    warm(() -> vectors.norm().forward(norm), () -> norms.forward(norm));
    Loops.NORM.warm = true;
    warmProducts(vectors, STEPS);
    Loops.PRODUCTS.warm = true;
    ScanKernels.Forward scan = scan(SCANNED_STEPS);
    warm(() -> vectors.scan().forward(scan), () -> scans.run(scan));
    Loops.SCAN.warm = true;
  }

  private void warmProducts(KernelSet vectors, int rows) throws InterruptedException {
    List<DType> types;
    synchronized (TYPES) {
      types = List.copyOf(TYPES);
    }
    for (DType type : types) {
      MatmulKernels.Product product = product(rows, type);
      warm(() -> vectors.matmul().matmul(product), () -> products.matmul(product));
    }
  }

  /** Calls loops over vectors until they are faster than those over arrays. */
  private static void warm(Runnable vectors, Runnable arrays) throws InterruptedException {
    long start = System.nanoTime();
    do {
      for (int i = 0; i < CALLS && !left; i++) {
        vectors.run();
      }
      // The compiler has its own threads, which this one must not hold up on a small machine.
      boolean soon = System.nanoTime() - start < SOON_NANOS;
      Thread.sleep(soon ? PAUSE_MILLIS : LONG_PAUSE_MILLIS);
    } while (!left && CLEARLY * shortest(vectors) > shortest(arrays));
  }

  private static long shortest(Runnable work) {
    long shortest = Long.MAX_VALUE;
    for (int i = 0; i < TIMED; i++) {
      long start = System.nanoTime();
      work.run();
      shortest = Math.min(shortest, System.nanoTime() - start);
    }
    return shortest;
  }

  /** Returns rows of zeros, for which the loops take the time that they take for other numbers. */
  private static View view(long rows, int columns, DType type) {
    MemorySegment memory = Arena.ofAuto().allocate(type.bytes(rows * columns), 64);
    return new View(new CpuStorage(memory), type, 0, columns);
  }

  private static View view(long rows, int columns) {
    return view(rows, columns, DType.F32);
  }

  private static MatmulKernels.Product product(int rows, DType type) {
    int n = 2 * STEPS;
    return new MatmulKernels.Product(
        new MatmulKernels.Shape(1, rows, n, CHANNELS),
        new MatmulKernels.Operand(view(rows, CHANNELS), false, 0),
        new MatmulKernels.Operand(view(n, CHANNELS, type), true, 0),
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
