package io.github.mamba4j.cuda;

/** What also runs kernels whose blocks wait for each other. */
interface GridLauncher extends Launcher {
  /**
   * Launches a kernel all of whose blocks are on the GPU at once, after those before.
   *
   * @param kernel which
   * @param grid blocks, at most one a multiprocessor, and threads
   * @param arguments its parameters
   */
  void launchTogether(Kernel kernel, Grid grid, Arguments arguments);

  /** Returns the GPU's compute capability times ten, such as 90. */
  int capability();
}
