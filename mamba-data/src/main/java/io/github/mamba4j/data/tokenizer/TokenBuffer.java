package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;

/** A growing array of token ids. */
final class TokenBuffer {

  private int[] ids;
  private int size;

  TokenBuffer(int capacity) {
    ids = new int[Math.max(16, capacity)];
  }

  void add(int id) {
    if (size == ids.length) {
      grow(size + 1);
    }
    ids[size++] = id;
  }

  void addAll(int[] source, int count) {
    if (size + count > ids.length) {
      grow(size + count);
    }
    // Most pieces are one to three tokens, where a loop beats the call of arraycopy.
    if (count <= 4) {
      for (int i = 0; i < count; i++) {
        ids[size + i] = source[i];
      }
    } else {
      System.arraycopy(source, 0, ids, size, count);
    }
    size += count;
  }

  int[] toArray() {
    return Arrays.copyOf(ids, size);
  }

  private void grow(int needed) {
    ids = Arrays.copyOf(ids, Math.max(needed, ids.length + (ids.length >> 1)));
  }
}
