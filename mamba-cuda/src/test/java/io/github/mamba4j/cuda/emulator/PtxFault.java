package io.github.mamba4j.cuda.emulator;

/** What a kernel did that a GPU would not, or not reliably, survive; the message says where. */
public final class PtxFault extends AssertionError {
  private static final long serialVersionUID = 1L;

  PtxFault(String message) {
    super(message);
  }
}
