package io.github.mamba4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Assembles pickles opcode by opcode. */
final class PickleBytes {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** A pickle of protocol 2 without a value yet. */
  static PickleBytes begin() {
    return new PickleBytes().op(0x80).op(2);
  }

  PickleBytes op(int... bytes) {
    for (int b : bytes) {
      out.write(b);
    }
    return this;
  }

  PickleBytes ops(String opcodes) {
    out.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  PickleBytes text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return op('X').int32(bytes.length).bytes(bytes);
  }

  PickleBytes number(long number) {
    if (number == (int) number) {
      return op('J').int32((int) number);
    }
    op(0x8a, 8);
    for (int i = 0; i < 8; i++) {
      out.write((int) (number >>> (8 * i)));
    }
    return this;
  }

  PickleBytes global(String module, String name) {
    return ops("c" + module + "\n" + name + "\n");
  }

  PickleBytes tuple(long... numbers) {
    op('(');
    for (long number : numbers) {
      number(number);
    }
    return op('t');
  }

  PickleBytes storage(String type, String key, long elements) {
    op('(').text("storage").global("torch", type).text(key).text("cpu").number(elements);
    return op('t', 'Q');
  }

  /** A name and its tensor, to be followed by SETITEM or SETITEMS. */
  PickleBytes tensor(
      String name,
      String type,
      String key,
      long elements,
      long offset,
      long[] shape,
      long[] strides) {
    text(name).global("torch._utils", "_rebuild_tensor_v2").op('(').storage(type, key, elements);
    number(offset).tuple(shape).tuple(strides).op(0x89);
    return global("collections", "OrderedDict").op(')', 'R', 't', 'R');
  }

  byte[] build() {
    return out.toByteArray();
  }

  private PickleBytes int32(int number) {
    return op(number, number >> 8, number >> 16, number >> 24);
  }

  private PickleBytes bytes(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }
}
