package io.github.mamba4j.cuda;

import jcuda.driver.CUstream;

/** A stream whose handle libraries can be given. */
final class CudaStream extends CUstream {
  /** Returns the handle as C has it. */
  long handle() {
    return getNativePointer();
  }
}
