package io.github.mamba4j.cuda;

/**
 * How many blocks of how many threads a launch has.
 *
 * @param x blocks along x, positive
 * @param y blocks along y, from 1 to 65535
 * @param z blocks along z, from 1 to 65535
 * @param threadsX threads of a block along x, positive
 * @param threadsY threads of a block along y, positive
 * @param sharedBytes shared memory of a block beside what the kernel declares with a size
 */
record Grid(int x, int y, int z, int threadsX, int threadsY, int sharedBytes) {
  /** The most blocks along y, or along z, that a GPU takes. */
  static final int MAX_Y = 65_535;

  /** Threads of the blocks of kernels that treat element by element. */
  static final int THREADS = 256;

  /** Blocks that keep every multiprocessor of a large GPU busy; kernels run on from there. */
  private static final int ENOUGH = 4096;

  Grid {
    assert x > 0 && y > 0 && y <= MAX_Y && z > 0 && z <= MAX_Y : x + " x " + y + " x " + z;
    assert threadsX > 0 && threadsY > 0 && sharedBytes >= 0 : threadsX + " x " + threadsY;
  }

  Grid(int x, int y, int threadsX, int threadsY) {
    this(x, y, 1, threadsX, threadsY, 0);
  }

  /** Returns this grid with several layers along z. */
  Grid layers(int count) {
    return new Grid(x, y, count, threadsX, threadsY, sharedBytes);
  }

  /** Returns this grid with shared memory that the launch sizes. */
  Grid shared(int bytes) {
    return new Grid(x, y, z, threadsX, threadsY, bytes);
  }

  /** Returns a grid for kernels that loop over the elements of a matrix from their own on. */
  static Grid over(int rows, int cols) {
    int x = Math.min(Math.ceilDiv(cols, THREADS), ENOUGH);
    int y = Math.clamp(ENOUGH / x, 1, Math.min(rows, MAX_Y));
    return new Grid(x, y, THREADS, 1);
  }

  /** Returns a grid of squares that cover a matrix exactly. */
  static Grid squares(int rows, int cols, int side, int threadsY) {
    return new Grid(Math.ceilDiv(cols, side), Math.ceilDiv(rows, side), side, threadsY);
  }
}
