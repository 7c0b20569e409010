package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * The state-space dual of Mamba-2: a scan whose decay is one number a head (Dao and Gu 2024,
 * "Transformers are SSMs", section 6).
 *
 * <p>With {@code Δ_t = clamp(softplus(dt_t + dtBias), stepMin, stepMax)}, for every head, channel p
 * of the head and state n:
 *
 * <pre>{@code
 * h_t[n,p] = exp(Δ_t·a)·h_{t−1}[n,p] + Δ_t·B_t[n]·x_t[p]
 * y_t[p]   = Σ_n C_t[n]·h_t[n,p] + D·x_t[p]
 * }</pre>
 *
 * <p>Sequences are [batch, length, ·] with the last axis contiguous; the channels of x are head
 * after head, dInner = heads · headDim. Head h reads group ⌊h / (heads / groups)⌋ of B and C.
 * States are [batch, dState, dInner], as those of {@link ScanKernels}; results do not depend on the
 * batch up to as many steps as there ({@link ScanKernels#BATCH_INVARIANT_STEPS}).
 */
public interface SsdKernels {
  /**
   * The sizes and switches of a scan.
   *
   * @param batch sequences, positive
   * @param length time steps, positive
   * @param heads heads, positive, a multiple of the groups
   * @param headDim channels a head, positive
   * @param groups groups that share B and C, positive
   * @param dState states a channel, positive
   * @param chunkSize time steps that are computed as one matrix product, positive; changes speed
   *     and rounding only
   * @param skipPerChannel true if D has one element a channel, false for one a head
   * @param stepMin lower bound of Δ, not negative
   * @param stepMax upper bound of Δ, at least stepMin, may be infinite
   */
  record Shape(
      int batch,
      int length,
      int heads,
      int headDim,
      int groups,
      int dState,
      int chunkSize,
      boolean skipPerChannel,
      float stepMin,
      float stepMax) {
    /**
     * Returns the number of channels.
     *
     * @return heads · headDim
     */
    public int dInner() {
      return heads * headDim;
    }
  }

  /**
   * What a scan reads. Rows are time steps, batch after batch ({@code row = b·length + t}).
   *
   * @param x input, [batch, length, dInner]
   * @param dt step sizes before bias, softplus and clamp, [batch, length, heads]
   * @param a decay rate of each head, negative, [heads]
   * @param b input projection, [batch, length, groups · dState]
   * @param c output projection, [batch, length, groups · dState]
   * @param dSkip weight of the direct path, [heads] or [dInner], or null for none
   * @param dtBias added to dt, [heads], or null for none
   * @param initialState state before the first step, [batch, dState, dInner], or null for zeros
   */
  record Inputs(
      View x,
      View dt,
      View a,
      View b,
      View c,
      @Nullable View dSkip,
      @Nullable View dtBias,
      @Nullable View initialState) {}

  /**
   * A forward scan.
   *
   * @param shape sizes and switches
   * @param inputs what is read
   * @param out result y, [batch, length, dInner], overwritten
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
   * @param x [batch, length, dInner]
   * @param dt [batch, length, heads]; zero where Δ is clamped
   * @param a [heads]
   * @param b [batch, length, groups · dState]
   * @param c [batch, length, groups · dState]
   * @param dSkip [heads] or [dInner]
   * @param dtBias [heads]
   * @param initialState [batch, dState, dInner]
   */
  record Gradients(
      @Nullable Sink x,
      @Nullable Sink dt,
      @Nullable Sink a,
      @Nullable Sink b,
      @Nullable Sink c,
      @Nullable Sink dSkip,
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
   * Runs a scan: by matrix products a chunk, or step by step where there are few steps.
   *
   * @param scan what to compute
   */
  void forward(Forward scan);

  /**
   * Runs the gradients of a scan, from the last chunk to the first. What is inside a chunk is
   * recomputed from the state that it began with.
   *
   * @param scan what to compute
   */
  void backward(Backward scan);
}
