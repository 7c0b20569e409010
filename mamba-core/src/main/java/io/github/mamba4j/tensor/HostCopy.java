package io.github.mamba4j.tensor;

import java.lang.foreign.MemorySegment;

/** Copies of a tensor's elements to and from host memory, whole or row by row. */
final class HostCopy {
  private HostCopy() {}

  static void read(Tensor source, MemorySegment target) {
    long bytes = rowBytes(source);
    long together = rowsInOneCopy(source);
    for (long row = 0; row < source.rows(); row += together) {
      MemorySegment part = part(target, row * bytes, bytes * together);
      source.scope().backend().read(source.view().storage(), offset(source, row), part);
    }
  }

  static Runnable readLater(Tensor source, MemorySegment target) {
    if (!source.isContiguous()) {
      throw new ShapeMismatchException(
          "readLater: tensor of shape "
              + source.shape()
              + " is a view of wider rows; read it, or a copy");
    }
    MemorySegment part = part(target, 0, rowBytes(source) * source.rows());
    return source.scope().backend().readLater(source.view().storage(), offset(source, 0), part);
  }

  static void write(MemorySegment source, Tensor target) {
    long bytes = rowBytes(target);
    long together = rowsInOneCopy(target);
    for (long row = 0; row < target.rows(); row += together) {
      MemorySegment part = part(source, row * bytes, bytes * together);
      target.scope().backend().write(part, target.view().storage(), offset(target, row));
    }
  }

  /** A slice is an object; a repeated step that copies whole segments makes none. */
  private static MemorySegment part(MemorySegment host, long offset, long size) {
    return host.byteSize() == size ? host : host.asSlice(offset, size);
  }

  private static long rowsInOneCopy(Tensor tensor) {
    return tensor.isContiguous() ? tensor.rows() : 1;
  }

  private static long rowBytes(Tensor tensor) {
    return tensor.dtype().bytes(tensor.cols());
  }

  private static long offset(Tensor tensor, long row) {
    return tensor.dtype().bytes(tensor.view().offset() + row * tensor.view().stride());
  }
}
