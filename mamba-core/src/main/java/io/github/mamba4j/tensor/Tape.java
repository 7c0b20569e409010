package io.github.mamba4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * What was computed, in order, and how to differentiate it. Knows no operation by name: an
 * operation leaves a piece of code that reads its results' gradients and adds to its inputs'.
 */
final class Tape {
  private record Node(Runnable backward, List<Tensor> outputs) {}

  private final List<Node> nodes = new ArrayList<>();

  void add(Runnable backward, Tensor[] outputs) {
    nodes.add(new Node(backward, List.of(outputs)));
  }

  /** Runs the tape from its end to its start, then forgets it. */
  void run() {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (anyReached(node.outputs)) {
        node.backward.run();
      }
      for (Tensor output : node.outputs) {
        if (output.requiresGrad()) {
          output.gradient().release();
        }
      }
    }
    clear();
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
  }
}
