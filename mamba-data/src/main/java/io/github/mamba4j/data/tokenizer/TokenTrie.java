package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;

/** The literal texts of added tokens, to find the longest that starts at a place. */
final class TokenTrie {

  private static final int NONE = -1;

  /** A node: the characters that lead on, in ascending order, and what ends here. */
  private static final class Node {
    char[] keys = {};
    Node[] children = {};
    int value = NONE;

    Node child(char c) {
      int at = Arrays.binarySearch(keys, c);
      return at < 0 ? this : children[at];
    }

    Node childOrNew(char c) {
      int at = Arrays.binarySearch(keys, c);
      if (at >= 0) {
        return children[at];
      }
      int to = -at - 1;
      keys = Arrays.copyOf(keys, keys.length + 1);
      children = Arrays.copyOf(children, keys.length);
      System.arraycopy(keys, to, keys, to + 1, keys.length - 1 - to);
      System.arraycopy(children, to, children, to + 1, keys.length - 1 - to);
      keys[to] = c;
      children[to] = new Node();
      return children[to];
    }
  }

  private final Node root = new Node();
  private final boolean[] asciiStarts = new boolean[0x80];

  /** Adds a text, not empty; of equal ones the first counts. */
  void add(String text, int value) {
    Node node = root;
    for (int i = 0; i < text.length(); i++) {
      node = node.childOrNew(text.charAt(i));
    }
    if (node.value == NONE) {
      node.value = value;
    }
    if (text.charAt(0) < asciiStarts.length) {
      asciiStarts[text.charAt(0)] = true;
    }
  }

  boolean isEmpty() {
    return root.keys.length == 0;
  }

  /** The first place from {@code from} on where a text may start, or {@code to}. */
  int candidate(String text, int from, int to) {
    int at = from;
    while (at < to) {
      char c = text.charAt(at);
      if (c < asciiStarts.length ? asciiStarts[c] : Arrays.binarySearch(root.keys, c) >= 0) {
        break;
      }
      at++;
    }
    return at;
  }

  /** The value of the longest text that starts at {@code at} and ends by {@code to}, or -1. */
  int longestAt(String text, int at, int to) {
    int found = NONE;
    Node node = root;
    for (int i = at; i < to; i++) {
      Node next = node.child(text.charAt(i));
      if (next == node) {
        break;
      }
      node = next;
      if (node.value != NONE) {
        found = node.value;
      }
    }
    return found;
  }
}
