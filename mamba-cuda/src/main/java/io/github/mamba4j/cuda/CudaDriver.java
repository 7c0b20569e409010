package io.github.mamba4j.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/** What NVIDIA's driver on this machine answers. */
final class CudaDriver {
  /** The least compute capability that the kernels are written for, times ten. */
  static final int LEAST_CAPABILITY = 80;

  private CudaDriver() {}

  /** Returns why no GPU can be used here and what to do, or empty if one can. */
  static Optional<String> unusableReason() {
    try {
      JCudaDriver.setExceptionsEnabled(false);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
      return Optional.of(
          "NVIDIA's driver (libcuda) is not installed; install it, or use the device cpu");
    }
    int result = JCudaDriver.cuInit(0);
    if (result != CUDA_SUCCESS) {
      return Optional.of(
          "NVIDIA's driver does not start (" + name(result) + "); is there a GPU it can reach?");
    }
    int count = count();
    if (count == 0) {
      return Optional.of("there is no NVIDIA GPU here; use the device cpu");
    }
    Optional<String> reason = Optional.empty();
    for (int i = 0; i < count; i++) {
      reason = tooOld(i);
      if (reason.isEmpty()) {
        break;
      }
    }
    return reason;
  }

  /** Returns why a GPU cannot be used and what to do, or empty if it can. */
  static Optional<String> unusableReason(int index) {
    Optional<String> reason = unusableReason();
    if (reason.isPresent()) {
      return reason;
    }
    int count = count();
    return index < count
        ? tooOld(index)
        : Optional.of("there is no GPU " + index + ", expected an index below " + count);
  }

  private static int count() {
    int[] count = new int[1];
    return JCudaDriver.cuDeviceGetCount(count) == CUDA_SUCCESS ? count[0] : 0;
  }

  private static Optional<String> tooOld(int index) {
    CUdevice device = new CUdevice();
    check(JCudaDriver.cuDeviceGet(device, index), "cuDeviceGet");
    int capability = capability(device);
    return capability >= LEAST_CAPABILITY
        ? Optional.empty()
        : Optional.of(
            "GPU "
                + index
                + " has compute capability "
                + capability / 10
                + "."
                + capability % 10
                + ", expected 8.0 or later; use the device cpu");
  }

  /** Returns a device's compute capability times ten, such as 90. */
  static int capability(CUdevice device) {
    return 10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)
        + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
  }

  static int attribute(int which, CUdevice device) {
    int[] value = new int[1];
    check(JCudaDriver.cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute");
    return value[0];
  }

  /**
   * Makes an answer of the driver an exception, unless it is success.
   *
   * @param result the answer
   * @param call what was asked
   * @throws IllegalStateException if it is not success
   */
  static void check(int result, String call) {
    if (result != CUDA_SUCCESS) {
      String[] text = new String[1];
      JCudaDriver.cuGetErrorString(result, text);
      throw new IllegalStateException(
          "CudaDriver: " + call + " failed: " + name(result) + " (" + text[0] + ")");
    }
  }

  private static String name(int result) {
    String[] name = new String[1];
    JCudaDriver.cuGetErrorName(result, name);
    return name[0] == null ? "error " + result : name[0];
  }
}
