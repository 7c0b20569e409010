package io.github.mamba4j.spi;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One token of each of several sequences through all residual blocks of a Mamba-1 model, as one
 * piece of work: what generation does for every token. A backend that has it saves the time between
 * the many small kernels that it stands for.
 *
 * <p>Among others a sequence's results do not depend, to the bit, on which and how many the others
 * are; alone they may be rounded otherwise.
 */
public interface StepKernels {
  /** The most sequences. */
  int MOST_ROWS = 64;

  /**
   * The sizes of a step, those of the blocks all alike.
   *
   * @param rows sequences, from 1 to {@link #MOST_ROWS}
   * @param dModel width of the residual stream
   * @param dInner channels of the scan
   * @param dState states a channel
   * @param dConv taps of the convolution
   * @param dtRank rank of the step-size projection
   * @param normEps added to the mean square
   * @param discretization how B̄ is formed
   */
  record Shape(
      int rows,
      int dModel,
      int dInner,
      int dState,
      int dConv,
      int dtRank,
      float normEps,
      Discretization discretization) {
    /**
     * Returns the rows of the projection to dt, B and C.
     *
     * @return dtRank + 2·dState
     */
    public int projected() {
      return dtRank + 2 * dState;
    }
  }

  /**
   * A residual block. Matrices of weights are [out, in].
   *
   * @param norm weights of the normalisation, [dModel]
   * @param inProj [2·dInner, dModel]: x, then z
   * @param inBias [2·dInner], or null for none
   * @param taps the convolution's, the oldest first, [dConv, dInner]
   * @param convBias [dInner], or null for none
   * @param xProj [dtRank + 2·dState, dInner]: dt, B, C
   * @param dtProj [dInner, dtRank]
   * @param dtBias [dInner]
   * @param a the diagonal of A, negative, [dState, dInner]
   * @param dSkip weight of the direct path, [dInner]
   * @param outProj [dModel, dInner]
   * @param outBias [dModel], or null for none
   * @param convState the last dConv − 1 inputs of the convolution, oldest first, [rows, dConv − 1,
   *     dInner], moved on; null if dConv is 1
   * @param ssmState state of the scan, [rows, dState, dInner], moved on
   */
  record Layer(
      View norm,
      View inProj,
      @Nullable View inBias,
      View taps,
      @Nullable View convBias,
      View xProj,
      View dtProj,
      View dtBias,
      View a,
      View dSkip,
      View outProj,
      @Nullable View outBias,
      @Nullable View convState,
      View ssmState) {}

  /**
   * A step.
   *
   * @param shape sizes
   * @param layers the blocks in order, at least one
   * @param hidden the residual stream before the first block, [rows, dModel]
   * @param out the residual stream after the last block, [rows, dModel], overwritten
   * @param workspace {@link #workspaceFloats} floats of scratch
   */
  record Step(Shape shape, List<Layer> layers, View hidden, View out, View workspace) {}

  /**
   * Returns whether these kernels run such a step, which does not depend on the number of rows.
   *
   * @param shape sizes
   * @param layers the blocks
   * @return false if sizes, types or strides are not those that they are made for
   */
  boolean takes(Shape shape, List<Layer> layers);

  /**
   * Returns the scratch that a step needs.
   *
   * @param shape sizes
   * @param layers how many blocks
   * @return number of floats
   */
  long workspaceFloats(Shape shape, int layers);

  /**
   * Runs a step that these kernels {@linkplain #takes take}.
   *
   * @param step what to compute
   */
  void step(Step step);
}
