package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of one contiguous tensor and of all views of it, while a tape runs.
 *
 * <p>The first contribution overwrites, later ones add. The parts of a split share one buffer: each
 * part's first contribution overwrites its own columns, and what no part wrote is zeroed when the
 * whole is read. A gradient that passes through an addition unchanged is handed on without a copy;
 * it is copied when one of its owners has to add to it.
 *
 * <p>Parameters (leaves) keep their buffer, and every contribution adds to it, but the first one
 * after {@link #renew}.
 */
final class Gradient {
  /** Memory with the number of gradients that own it. */
  private static final class Buffer {
    private final Block block;
    private final View view;
    private int owners = 1;

    Buffer(Block block, View view) {
      this.block = block;
      this.view = view;
    }
  }

  private final Tensor owner;
  private final boolean leaf;
  private @Nullable Buffer buffer;
  private Tensor[] parts = {};
  private boolean[] partWritten = {};
  private boolean complete;

  private boolean one;

  /** Launches a contribution that is kept for later, if there is one. */
  private @Nullable Runnable awaited;

  /** Whether the buffer holds anything yet; a leaf's may be there and count as zeros. */
  private boolean begun;

  Gradient(Tensor owner, boolean leaf) {
    this.owner = owner;
    this.leaf = leaf;
  }

  /** Declares views that cover the tensor without overlap; the first declaration counts. */
  void declareParts(Tensor[] tensors) {
    if (parts.length == 0) {
      parts = tensors;
      partWritten = new boolean[tensors.length];
    }
  }

  /** Whether there is a gradient and a backward pass has reached it. */
  static boolean exists(@Nullable Gradient gradient) {
    return gradient != null && gradient.reached();
  }

  boolean reached() {
    return buffer != null;
  }

  /** Returns where a contribution to the owner, or to a view of it, goes. */
  Sink sink(Tensor target) {
    Runnable before = awaited;
    if (before != null) {
      before.run();
    }
    int part = partOf(target);
    one = false;
    if (leaf) {
      keepBuffer();
    } else if (buffer == null) {
      buffer = allocate();
    }
    if (!begun) {
      begun = true;
      if (part < 0 && coversOwner(target)) {
        complete = true;
        return new Sink(place(target), false);
      } else if (part < 0) {
        zero();
      }
    }
    if (!complete && part >= 0) {
      boolean again = partWritten[part];
      partWritten[part] = true;
      return new Sink(place(target), again);
    }
    complete();
    unshare();
    return new Sink(place(target), true);
  }

  /**
   * Gives a leaf its buffer of zeros if it has none. Not part of a recording: later runs add to
   * what is there.
   */
  void keepBuffer() {
    if (buffer == null) {
      Buffer fresh = allocate();
      owner.scope().backend().elementwise().fill(fresh.view, owner.rows(), owner.cols(), 0f);
      buffer = fresh;
      begun = true;
      complete = true;
    }
  }

  /**
   * Lets a leaf's gradient count as zeros without writing them: the next contribution overwrites
   * what is there.
   */
  void renew() {
    keepBuffer();
    begun = false;
    complete = false;
    Arrays.fill(partWritten, false);
  }

  /** Zeroes the parts that nothing was written to. */
  void complete() {
    if (complete || buffer == null) {
      return;
    }
    if (!begun) {
      zero();
      return;
    }
    complete = true;
    for (int i = 0; i < parts.length; i++) {
      if (!partWritten[i]) {
        owner.scope().fill(place(parts[i]), parts[i].rows(), parts[i].cols(), 0f);
      }
    }
  }

  /**
   * Takes over the buffer of a gradient that passes through unchanged; false if it must be added.
   */
  boolean adopt(Gradient other) {
    Buffer passed = other.buffer;
    if (buffer != null || leaf || passed == null || other.owner.dtype() != owner.dtype()) {
      return false;
    }
    passed.owners++;
    buffer = passed;
    begun = true;
    complete = true;
    return true;
  }

  /**
   * Takes memory that holds the whole gradient already, if there is none yet; false if it must be
   * added.
   *
   * @param block memory of the owner's scope
   * @param view the gradient, contiguous, of the owner's type
   */
  boolean adopt(Block block, View view) {
    if (buffer != null || leaf) {
      return false;
    }
    buffer = new Buffer(block, view);
    begun = true;
    complete = true;
    return true;
  }

  /** Sets every element of a scalar's gradient, which from then on is known to be that. */
  void seed(float value) {
    Sink sink = sink(owner);
    owner.scope().fill(sink.view(), 1, 1, value);
    one = value == 1;
  }

  /** True if it is known to be one, so that nothing need be multiplied by it. */
  boolean isOne() {
    return one;
  }

  /** True if nobody else reads this buffer, so that its owner may write over it. */
  boolean exclusive() {
    return buffer != null && buffer.owners == 1;
  }

  /** True if this is a parameter's, which no operation's backward pass reads. */
  boolean isLeaf() {
    return leaf;
  }

  /**
   * Lets further contributions wait for one that is kept for later.
   *
   * @param contribution launches it; null if it was launched
   */
  void await(@Nullable Runnable contribution) {
    awaited = contribution;
  }

  /**
   * Keeps the buffer for a reader after the tape has released it.
   *
   * @return lets go of it
   */
  Runnable hold() {
    Buffer held = required();
    held.owners++;
    return () -> letGo(held);
  }

  /** Returns the whole gradient; the tape has completed it. */
  View view() {
    return required().view;
  }

  /** Returns the part of the gradient that belongs to the owner or a view of it. */
  View place(Tensor target) {
    View base = required().view;
    long shift = target.view().offset() - owner.view().offset();
    return new View(base.storage(), owner.dtype(), base.offset() + shift, target.view().stride());
  }

  private Buffer required() {
    if (buffer == null) {
      throw new IllegalStateException("Tensor: has no gradient; call backward first");
    }
    return buffer;
  }

  /** Lets go of the buffer when its last reader is done. Leaves keep theirs. */
  void release() {
    Buffer held = buffer;
    if (leaf || held == null) {
      return;
    }
    buffer = null;
    one = false;
    begun = false;
    complete = false;
    Arrays.fill(partWritten, false);
    letGo(held);
  }

  private void letGo(Buffer held) {
    if (--held.owners == 0) {
      owner.scope().give(held.block);
    }
  }

  void zero() {
    begun = true;
    complete = true;
    owner.scope().fill(required().view, owner.rows(), owner.cols(), 0f);
  }

  /** Takes a new buffer in place of one that others own, too; the old one stays theirs. */
  Sink replace() {
    required().owners--;
    buffer = allocate();
    complete = true;
    return new Sink(buffer.view, false);
  }

  private void unshare() {
    Buffer shared = required();
    if (shared.owners == 1) {
      return;
    }
    Sink own = replace();
    owner.scope().copy(shared.view, own.view(), owner.rows(), owner.cols());
  }

  private Buffer allocate() {
    Block block = owner.scope().take(owner.dtype().bytes(owner.shape().elements()));
    return new Buffer(block, block.view(owner.dtype(), owner.cols()));
  }

  private boolean coversOwner(Tensor target) {
    return target.shape().elements() == owner.shape().elements();
  }

  private int partOf(Tensor target) {
    for (int i = 0; i < parts.length; i++) {
      if (parts[i] == target) {
        return i;
      }
    }
    return -1;
  }
}
