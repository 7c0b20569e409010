package io.github.mamba4j.cuda;

/** Passes launches on to a GPU, each to begin after the end of the one before. */
class PassingLauncher implements GridLauncher {
  private final Gpu gpu;

  PassingLauncher(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    gpu.launch(kernel, grid, arguments);
  }

  @Override
  public final void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
    gpu.launchTogether(kernel, grid, arguments);
  }

  @Override
  public final int capability() {
    return gpu.capability();
  }

  @Override
  public int multiprocessors() {
    return gpu.multiprocessors();
  }

  @Override
  public int sharedBytes() {
    return gpu.sharedBytes();
  }
}
