package io.github.mamba4j.cuda;

/** What runs kernels; the host side of the kernel families sees no more of a GPU than this. */
interface Launcher {
  /**
   * Launches a kernel after those before.
   *
   * @param kernel which
   * @param grid blocks and threads
   * @param arguments its parameters
   */
  void launch(Kernel kernel, Grid grid, Arguments arguments);

  /** Returns whether {@link #launchEarly} begins early. */
  default boolean launchesEarly() {
    return false;
  }

  /**
   * Launches a kernel that may begin before the one before has ended, and that waits for its
   * results itself.
   *
   * @param kernel which, made for it
   * @param grid blocks and threads
   * @param arguments its parameters
   */
  default void launchEarly(Kernel kernel, Grid grid, Arguments arguments) {
    launch(kernel, grid, arguments);
  }

  /** Returns how many multiprocessors there are to keep busy. */
  int multiprocessors();

  /** Returns how much shared memory a block may ask for, in bytes. */
  int sharedBytes();
}
