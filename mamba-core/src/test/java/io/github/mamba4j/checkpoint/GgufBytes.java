package io.github.mamba4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds GGUF files by hand, straight from the format's description, right or wrong ones. */
final class GgufBytes {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** The beginning of a file of version 3. */
  static GgufBytes begin(long tensors, long values) {
    return new GgufBytes().ascii("GGUF").u32(3).u64(tensors).u64(values);
  }

  GgufBytes ascii(String text) {
    return bytes(text.getBytes(StandardCharsets.US_ASCII));
  }

  GgufBytes bytes(byte... bytes) {
    out.writeBytes(bytes);
    return this;
  }

  GgufBytes u8(int number) {
    out.write(number);
    return this;
  }

  GgufBytes u16(int number) {
    return u8(number & 255).u8(number >> 8);
  }

  GgufBytes u32(long number) {
    return little(4, number);
  }

  GgufBytes u64(long number) {
    return little(8, number);
  }

  GgufBytes f32(float... numbers) {
    for (float number : numbers) {
      u32(Float.floatToRawIntBits(number));
    }
    return this;
  }

  GgufBytes text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return u64(bytes.length).bytes(bytes);
  }

  /** A key and the number of its type; the value follows. */
  GgufBytes key(String key, int type) {
    return text(key).u32(type);
  }

  /** A tensor's declaration, with the sizes as the file has them: innermost first. */
  GgufBytes tensor(String name, int type, long offset, long... sizes) {
    text(name).u32(sizes.length);
    for (long size : sizes) {
      u64(size);
    }
    return u32(type).u64(offset);
  }

  GgufBytes pad(int alignment) {
    while (out.size() % alignment != 0) {
      out.write(0);
    }
    return this;
  }

  byte[] build() {
    return out.toByteArray();
  }

  private GgufBytes little(int bytes, long number) {
    ByteBuffer wide = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(number);
    out.write(wide.array(), 0, bytes);
    return this;
  }
}
