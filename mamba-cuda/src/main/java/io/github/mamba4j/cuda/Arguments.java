package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A kernel's parameters in the order of its signature, packed as the driver takes them: each at a
 * multiple of its size.
 */
final class Arguments {
  /** The most that a kernel takes. */
  static final int MOST_BYTES = 4096;

  private static final int USUAL_BYTES = 256;

  private ByteBuffer buffer = ByteBuffer.allocate(USUAL_BYTES).order(ByteOrder.nativeOrder());
  private final List<String> types = new ArrayList<>();
  private final List<Integer> offsets = new ArrayList<>();

  /** Appends the address of a view's first element and its stride, in elements. */
  Arguments matrix(View view) {
    return pointer(view).wide(view.stride());
  }

  /** Appends a sink as {@link #matrix(View)}; whether it adds is part of the kernel's name. */
  Arguments matrix(Sink sink) {
    return matrix(sink.view());
  }

  /** Appends the address of a view's first element, zero if there is no view. */
  Arguments pointer(@Nullable View view) {
    return wide(view == null ? 0 : DeviceMemory.address(view));
  }

  Arguments wide(long value) {
    align(Long.BYTES, ".u64").putLong(value);
    return this;
  }

  Arguments number(int value) {
    align(Integer.BYTES, ".u32").putInt(value);
    return this;
  }

  Arguments number(float value) {
    align(Float.BYTES, ".f32").putFloat(value);
    return this;
  }

  /** Appends an array of bytes at a multiple of eight: the contents, then zeros. */
  Arguments table(ByteBuffer contents, int bytes) {
    assert contents.remaining() <= bytes : contents + " in " + bytes;
    int start = reserve(Long.BYTES, bytes, ".b8[" + bytes + "]").position();
    buffer.put(contents).position(start + bytes);
    return this;
  }

  private ByteBuffer align(int size, String type) {
    return reserve(size, size, type);
  }

  private ByteBuffer reserve(int multiple, int size, String type) {
    types.add(type);
    int start = Math.ceilDiv(buffer.position(), multiple) * multiple;
    offsets.add(start);
    if (start + size > buffer.capacity()) {
      buffer = ByteBuffer.allocate(MOST_BYTES).order(ByteOrder.nativeOrder()).put(buffer.flip());
    }
    return buffer.position(start);
  }

  /** Returns the types as a signature writes them. */
  List<String> types() {
    return List.copyOf(types);
  }

  /** Returns where each parameter starts among the packed ones, in bytes. */
  List<Integer> offsets() {
    return List.copyOf(offsets);
  }

  /** Returns the packed parameters, from the buffer's position to its limit. */
  ByteBuffer packed() {
    return buffer.duplicate().order(ByteOrder.nativeOrder()).flip();
  }
}
