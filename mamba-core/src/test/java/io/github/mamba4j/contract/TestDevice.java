package io.github.mamba4j.contract;

import io.github.mamba4j.tensor.Device;

/** The device that tests of whole operations and models run on. */
public final class TestDevice {
  /** System property that names it; the CPU if it is not set. */
  private static final String PROPERTY = "mamba.test.device";

  private TestDevice() {}

  /** Returns the device's name. */
  public static String name() {
    return System.getProperty(PROPERTY, "cpu");
  }

  /** Returns whether it is the CPU, which computes on the host's memory where it lies. */
  public static boolean isCpu() {
    return name().startsWith("cpu");
  }

  /**
   * Opens the device.
   *
   * @param threads CPU threads to compute with, which a GPU ignores
   */
  public static Device open(int threads) {
    return Device.open(name(), threads);
  }
}
