package io.github.mamba4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * What was computed, in order, and how to differentiate it. Knows no operation by name: an
 * operation leaves a piece of code that reads its results' gradients and adds to its inputs'.
 */
final class Tape {
  /**
   * An operation.
   *
   * @param roomy whether it launches a kernel that leaves room beside it
   */
  private record Node(Runnable backward, List<Tensor> outputs, boolean roomy) {}

  private final List<Node> nodes = new ArrayList<>();
  private final Postponed postponed = new Postponed();

  /** How many nodes before the one that runs leave room. */
  private int roomyNodes;

  /** Whether any node leaves room. */
  private boolean roomy;

  void add(Runnable backward, Tensor[] outputs, boolean roomy) {
    nodes.add(new Node(backward, List.of(outputs), roomy));
    roomyNodes += roomy ? 1 : 0;
    this.roomy |= roomy;
  }

  /** Returns whether there are kernels that leave room for others, to come or before. */
  boolean hasRoom() {
    return roomy;
  }

  /** Returns whether there is one to come. */
  boolean roomAhead() {
    return roomyNodes > 0;
  }

  Postponed postponed() {
    return postponed;
  }

  /**
   * Runs the tape from its end to its start, then forgets it.
   *
   * @param scope where what was postponed is launched
   */
  void run(Scope scope) {
    try {
      for (int i = nodes.size() - 1; i >= 0; i--) {
        Node node = nodes.get(i);
        roomyNodes -= node.roomy ? 1 : 0;
        if (anyReached(node.outputs)) {
          node.backward.run();
        }
        for (Tensor output : node.outputs) {
          if (output.requiresGrad()) {
            output.gradient().release();
          }
        }
      }
      postponed.end(scope);
    } finally {
      clear();
      postponed.clear(scope);
    }
  }

  private static boolean anyReached(List<Tensor> outputs) {
    boolean reached = false;
    for (Tensor output : outputs) {
      if (output.requiresGrad() && output.gradient().reached()) {
        output.gradient().complete();
        reached = true;
      }
    }
    return reached;
  }

  void clear() {
    nodes.clear();
    roomyNodes = 0;
    roomy = false;
  }
}
