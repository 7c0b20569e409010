package io.github.mamba4j.cuda;

/**
 * How many blocks of how many threads a launch has.
 *
 * @param x blocks along x, positive
 * @param y blocks along y, from 1 to 65535
 * @param threadsX threads of a block along x, positive
 * @param threadsY threads of a block along y, positive
 */
record Grid(int x, int y, int threadsX, int threadsY) {
  /** The most blocks along y that a GPU takes. */
  static final int MAX_Y = 65_535;

  /** Threads of the blocks of kernels that treat element by element. */
  static final int THREADS = 256;

  /** Blocks that keep every multiprocessor of a large GPU busy; kernels run on from there. */
  private static final int ENOUGH = 4096;

  Grid {
    assert x > 0 && y > 0 && y <= MAX_Y && threadsX > 0 && threadsY > 0 : x + " x " + y;
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
