package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * The selective scan of Mamba-1 and the plain first-order scan it is built on.
 *
 * <p>Sequences are [batch, length, ·] with the last axis contiguous. States are [batch, dState,
 * dInner] and A is [dState, dInner]: channels are the contiguous axis everywhere, so that a vector
 * of channels (or a warp of them) is one load.
 *
 * <p>Up to {@link #BATCH_INVARIANT_STEPS} steps a sequence's results have the bits that they have
 * in a batch of one; longer scans may be cut in time by how many sequences there are.
 */
public interface ScanKernels {
  /** Most steps of a scan whose results do not depend on the batch, to the bit. */
  int BATCH_INVARIANT_STEPS = 64;

  /** How B̄ follows from Δ, A and B. */
  enum Discretization {
    /** {@code B̄ = Δ·B}: what every released Mamba uses. */
    EULER,
    /** {@code B̄ = (exp(ΔA) − 1)/A · B}: exact for an input held over the step. */
    ZOH
  }

  /**
   * The sizes and switches of a scan.
   *
   * @param batch sequences, positive
   * @param length time steps, positive
   * @param dInner channels, positive
   * @param dState states a channel, positive
   * @param discretization how B̄ is formed
   * @param softplus true if {@code Δ = softplus(dt + dtBias)}, false if {@code Δ = dt + dtBias}
   */
  record Shape(
      int batch,
      int length,
      int dInner,
      int dState,
      Discretization discretization,
      boolean softplus) {}

  /**
   * What a scan reads. Rows are time steps, batch after batch ({@code row = b·length + t}).
   *
   * @param u input, [batch, length, dInner]
   * @param dt step sizes before bias and softplus, [batch, length, dInner]
   * @param a the diagonal of A, negative, [dState, dInner]
   * @param b input projection, [batch, length, dState]
   * @param c output projection, [batch, length, dState]
   * @param dSkip weight of the direct path, [dInner], or null for none
   * @param z gate, [batch, length, dInner], or null for none
   * @param dtBias added to dt, [dInner], or null for none
   * @param initialState state before the first step, [batch, dState, dInner], or null for zeros
   */
  record Inputs(
      View u,
      View dt,
      View a,
      View b,
      View c,
      @Nullable View dSkip,
      @Nullable View z,
      @Nullable View dtBias,
      @Nullable View initialState) {}

  /**
   * A forward scan.
   *
   * @param shape sizes and switches
   * @param inputs what is read
   * @param out result {@code (C·h + D·u)·silu(z)}, [batch, length, dInner], overwritten
   * @param finalState state after the last step, [batch, dState, dInner], overwritten, or null if
   *     not wanted; may be the same memory as the initial state
   * @param checkpoints {@link #checkpointFloats} floats written for the backward scan, or null if
   *     there will be none
   * @param workspace {@link #forwardWorkspaceFloats} floats of scratch
   */
  record Forward(
      Shape shape,
      Inputs inputs,
      View out,
      @Nullable View finalState,
      @Nullable View checkpoints,
      View workspace) {}

  /**
   * Where the gradients of a scan go; null for those that are not wanted.
   *
   * @param u [batch, length, dInner]
   * @param dt [batch, length, dInner]
   * @param a [dState, dInner]
   * @param b [batch, length, dState]
   * @param c [batch, length, dState]
   * @param dSkip [dInner]
   * @param z [batch, length, dInner]
   * @param dtBias [dInner]
   * @param initialState [batch, dState, dInner]
   */
  record Gradients(
      @Nullable Sink u,
      @Nullable Sink dt,
      @Nullable Sink a,
      @Nullable Sink b,
      @Nullable Sink c,
      @Nullable Sink dSkip,
      @Nullable Sink z,
      @Nullable Sink dtBias,
      @Nullable Sink initialState) {}

  /**
   * A backward scan.
   *
   * @param shape sizes and switches of the forward scan
   * @param inputs what the forward scan read
   * @param outGrad gradient of its result, [batch, length, dInner]
   * @param finalStateGrad gradient of its final state, [batch, dState, dInner], or null for zero
   * @param checkpoints what the forward scan wrote
   * @param gradients where the results go
   * @param workspace {@link #backwardWorkspaceFloats} floats of scratch
   */
  record Backward(
      Shape shape,
      Inputs inputs,
      View outGrad,
      @Nullable View finalStateGrad,
      View checkpoints,
      Gradients gradients,
      View workspace) {}

  /**
   * A first-order scan {@code h_t = a_t·h_{t−1} + b_t} over time, elementwise in the columns.
   *
   * @param batch sequences
   * @param length time steps
   * @param width independent columns
   * @param reverse true to run from the last step to the first
   * @param a factors, [batch, length, width]
   * @param b terms, [batch, length, width]
   * @param initial state before the first step, [batch, width], or null for zeros
   * @param out states, [batch, length, width], overwritten; may be the memory of b
   * @param algorithm which form to use
   * @param workspace {@link #prefixWorkspaceFloats} floats of scratch
   */
  record Prefix(
      int batch,
      int length,
      int width,
      boolean reverse,
      View a,
      View b,
      @Nullable View initial,
      View out,
      PrefixAlgorithm algorithm,
      View workspace) {}

  /** The ways to compute a first-order scan; they differ in rounding and speed only. */
  enum PrefixAlgorithm {
    /** One step after another. */
    SEQUENTIAL,
    /** Blelloch's up-sweep and down-sweep over a balanced tree, work-efficient, depth 2·log₂ L. */
    BLELLOCH,
    /** Chunks in parallel, then their carries in order, then the carries into the chunks. */
    CHUNKED
  }

  /**
   * Returns the size of what a forward scan leaves for the backward scan.
   *
   * @param shape the scan
   * @return number of floats
   */
  long checkpointFloats(Shape shape);

  /**
   * Returns the scratch that a forward scan needs.
   *
   * @param shape the scan
   * @return number of floats, may be zero
   */
  long forwardWorkspaceFloats(Shape shape);

  /**
   * Returns the scratch that a backward scan needs.
   *
   * @param shape the scan
   * @return number of floats, may be zero
   */
  long backwardWorkspaceFloats(Shape shape);

  /**
   * Returns the scratch that a first-order scan needs.
   *
   * @param batch sequences
   * @param length time steps
   * @param width columns
   * @param algorithm the form
   * @return number of floats, may be zero
   */
  long prefixWorkspaceFloats(int batch, int length, int width, PrefixAlgorithm algorithm);

  /**
   * Runs a selective scan.
   *
   * @param scan what to compute
   */
  void forward(Forward scan);

  /**
   * Runs the gradients of a selective scan, from the last step to the first. States are recomputed
   * from the checkpoints, so memory does not grow with length·dInner·dState.
   *
   * @param scan what to compute
   */
  void backward(Backward scan);

  /**
   * Runs a first-order scan.
   *
   * @param scan what to compute
   */
  void prefix(Prefix scan);
}
