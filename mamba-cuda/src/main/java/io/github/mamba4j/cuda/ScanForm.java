package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the selective scan spreads its work over threads; the variables of {@code scan.ptx}.
 *
 * @param states states that a lane keeps of each of its channels
 * @param lanes lanes that share the states of their channels
 * @param channels channels that such lanes have in common
 * @param warps warps of a block
 * @param steps steps of a tile
 * @param blocks blocks that a multiprocessor should have registers for
 */
record ScanForm(int states, int lanes, int channels, int warps, int steps, int blocks) {
  /** The most states a channel that there are forms for. */
  static final int MOST_STATES = 256;

  /**
   * Warps that keep a large GPU busy, 7 for each of 132 multiprocessors. A constant, so that a
   * shape has the same bits on every GPU.
   */
  static final int ENOUGH_WARPS = 924;

  /** States that a lane has of all its channels, at most: with more, too few warps fit. */
  private static final int MOST_PRODUCT = 8;

  /** Most states that lanes with so few each have room for. */
  private static final int USUAL_STATES = 128;

  /** Warps of a multiprocessor among which its registers are shared out, at least. */
  private static final int LEAST_RESIDENT = 8;

  private static final int MOST_RESIDENT = 16;

  private static final int WARP = 32;
  private static final int USUAL_STEPS = 16;

  /** Sums of so many steps at most wait to be exchanged. */
  private static final int MOST_BATCHED = 16;

  /** Channels of a block, at least, so that rows of 16 bits fill sectors of 32 bytes. */
  private static final int LEAST_CHANNELS = 16;

  private static final int LEAST_WARPS = 4;
  private static final int VECTOR_BYTES = 16;

  /**
   * What the views of a call allow.
   *
   * @param vector activations that may be loaded at once
   * @param paired elements of B and C that may be loaded at once
   * @param gated whether there is z
   */
  record Alignment(int vector, int paired, boolean gated) {}

  ScanForm {
    assert channels <= lanes && lanes <= WARP && lanes <= channels * MOST_BATCHED : lanes;
    assert WARP * warps >= states * lanes : warps;
  }

  /** Returns the form for states and channels of a lane. */
  static ScanForm of(int dState, int states, int channels) {
    int padded = padded(dState);
    int lanes = padded / states;
    int warps = LEAST_WARPS;
    while (WARP * warps < padded || WARP / lanes * channels * warps < LEAST_CHANNELS) {
      warps *= 2;
    }
    int resident = states * channels > MOST_PRODUCT ? LEAST_RESIDENT : MOST_RESIDENT;
    int blocks = Math.max(1, resident / warps);
    return new ScanForm(states, lanes, channels, warps, USUAL_STEPS, blocks);
  }

  /** Returns the states that a lane has of all its channels. */
  int product() {
    return states * channels;
  }

  private static int padded(int dState) {
    return dState == 1 ? 1 : Integer.highestOneBit(dState - 1) * 2;
  }

  /**
   * Returns the form whose lanes do the most work among those that fill a GPU, else the form whose
   * lanes do the least: what a lane reads of shared memory grows slower than its work.
   *
   * @param shape sizes
   * @param copies in how many pieces time may be cut
   */
  static ScanForm choose(Shape shape, int copies) {
    boolean alone = shape.length() <= ScanKernels.BATCH_INVARIANT_STEPS;
    long sequences = (long) (alone ? 1 : shape.batch()) * copies;
    ScanForm finest = null;
    int most = shape.dState() <= USUAL_STATES ? MOST_PRODUCT : 2 * MOST_PRODUCT;
    for (int product = most; product >= 1; product /= 2) {
      ScanForm form = ofProduct(shape.dState(), product);
      if (form != null) {
        finest = form;
        long all = form.fullWarps(shape.dInner()) * sequences;
        if (all >= ENOUGH_WARPS) {
          return all >= 2 * ENOUGH_WARPS ? form : form.withRegisters();
        }
      }
    }
    if (finest == null) {
      throw new IllegalArgumentException(
          "selectiveScan: dState must be at most " + MOST_STATES + ", got " + shape.dState());
    }
    return finest;
  }

  /** Returns this form for multiprocessors that have few of its warps each. */
  private ScanForm withRegisters() {
    int fewer = Math.max(1, LEAST_RESIDENT / warps);
    return new ScanForm(states, lanes, channels, warps, steps, fewer);
  }

  /** Returns the form of lanes with so many states in all, or null if there is none. */
  private static @Nullable ScanForm ofProduct(int dState, int product) {
    int padded = padded(dState);
    for (int channels : new int[] {2, 1, 4}) {
      int states = product / channels;
      if (states >= 1 && states <= padded) {
        int lanes = padded / states;
        if (channels <= lanes && lanes <= WARP && lanes <= channels * MOST_BATCHED) {
          return of(dState, states, channels);
        }
      }
    }
    return null;
  }

  /** Returns how many warps' worth of lanes a sequence has. */
  long fullWarps(int dInner) {
    return Math.ceilDiv((long) dInner * lanes, WARP * channels);
  }

  int blockChannels() {
    return WARP / lanes * channels * warps;
  }

  /** Returns the most activations that a thread of this form loads at once. */
  int vector(int activationBytes) {
    return Math.min(VECTOR_BYTES / activationBytes, steps * channels / lanes);
  }

  private int sharedBytes(int activationBytes) {
    int pairs = 2 * Float.BYTES * blockChannels();
    int sums = Float.BYTES * (blockChannels() + blockChannels() / warps);
    int inputs = 2 * (Float.BYTES + activationBytes) * states * lanes;
    int raw = 4 * activationBytes * blockChannels();
    return 2 * steps * (pairs + sums + inputs + raw);
  }

  Grid grid(Shape shape, int chunks, int activationBytes) {
    int x = Math.ceilDiv(shape.dInner(), blockChannels());
    Grid grid = new Grid(x, Math.min(shape.batch(), Grid.MAX_Y), WARP * warps, 1);
    return grid.layers(chunks).shared(sharedBytes(activationBytes));
  }

  /** Returns the kernel of this form. */
  Kernel kernel(String type, Alignment alignment, Shape shape) {
    Map<String, String> variables = new HashMap<>(step(type, shape));
    variables.put("STATES", String.valueOf(states));
    variables.put("LANES", String.valueOf(lanes));
    variables.put("CHANNELS", String.valueOf(channels));
    variables.put("WARPS", String.valueOf(warps));
    variables.put("STEPS", String.valueOf(steps));
    variables.put("BLOCKS", String.valueOf(blocks));
    variables.put("VECTOR", String.valueOf(alignment.vector()));
    variables.put("PAIRED", String.valueOf(alignment.paired()));
    variables.put("GATED", alignment.gated() ? "1" : "0");
    return new Kernel(new PtxSource("scan", variables), "scan_forward");
  }

  /** Returns the variables of a step's kernel. */
  static Map<String, String> step(String type, Shape shape) {
    boolean held = shape.discretization() == Discretization.ZOH;
    return Map.of("TYPE", type, "ZOH", held ? "1" : "0", "SOFTPLUS", shape.softplus() ? "1" : "0");
  }
}
