package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.ScanForm.Alignment;
import io.github.mamba4j.spi.ScanKernels.Shape;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the selective scan spreads time over lanes; the variables of {@code scan_long.ptx}.
 *
 * @param span steps of a lane
 * @param channels channels of a warp
 */
record ScanLongForm(int span, int channels) {
  private static final int WARP = 32;
  private static final int BLOCK_CHANNELS = 16;
  private static final int LEAST_STATES = 8;
  private static final int LARGEST_SPAN = 16;
  private static final int SMALLEST_SPAN = 8;
  private static final int VECTOR_BYTES = 16;

  /** Blocks that use most of a large GPU. */
  private static final int ENOUGH_BLOCKS = 80;

  /** Returns whether a shape has states for lanes and blocks for a GPU. */
  static boolean suits(Shape shape) {
    long blocks = (long) shape.batch() * Math.ceilDiv(shape.dInner(), BLOCK_CHANNELS);
    boolean lanes = shape.dState() >= LEAST_STATES && shape.dState() <= WARP;
    return lanes && blocks >= ENOUGH_BLOCKS;
  }

  /** Returns the form for a shape that suits, or null if it is too short or has no room. */
  static @Nullable ScanLongForm choose(Shape shape, int activationBytes, int sharedBytes) {
    for (int span = LARGEST_SPAN; span >= SMALLEST_SPAN; span /= 2) {
      ScanLongForm form = new ScanLongForm(span, 1);
      if (shape.length() >= form.tile()
          && form.fits(shape.dState(), activationBytes, sharedBytes)) {
        return form;
      }
    }
    return null;
  }

  /** Returns whether a block has room in some bytes of shared memory. */
  boolean fits(int dState, int activationBytes, int sharedBytes) {
    return sharedBytes(padded(dState), activationBytes) <= sharedBytes;
  }

  private static int padded(int dState) {
    return dState == 1 ? 2 : Integer.highestOneBit(dState - 1) * 2;
  }

  private int tile() {
    return WARP * span;
  }

  private int sharedBytes(int padded, int activationBytes) {
    int floats = 2 * BLOCK_CHANNELS;
    int raw = 4 * BLOCK_CHANNELS + 4 * padded;
    int columns = 2 * BLOCK_CHANNELS * Float.BYTES;
    return tile() * (floats * Float.BYTES + raw * activationBytes) + columns;
  }

  int vector(int activationBytes) {
    return VECTOR_BYTES / activationBytes;
  }

  /** Returns the most elements of B and C that a thread loads at once. */
  int inputs(int dState, int activationBytes) {
    return Math.min(VECTOR_BYTES / activationBytes, Integer.lowestOneBit(dState));
  }

  /** Returns this form, or one with fewer steps a lane where copies one by one need registers. */
  ScanLongForm forVectors(int vector) {
    return vector > 1 ? this : new ScanLongForm(SMALLEST_SPAN, channels);
  }

  Grid grid(Shape shape, int activationBytes) {
    int x = Math.ceilDiv(shape.dInner(), BLOCK_CHANNELS);
    int threads = WARP * BLOCK_CHANNELS / channels;
    return new Grid(x, Math.min(shape.batch(), Grid.MAX_Y), threads, 1)
        .shared(sharedBytes(padded(shape.dState()), activationBytes));
  }

  /** Returns the kernel of this form. */
  Kernel kernel(String type, Alignment alignment, Shape shape, boolean marked) {
    Map<String, String> variables = new HashMap<>(ScanForm.step(type, shape));
    variables.put("SPAN", String.valueOf(span));
    variables.put("CHANNELS", String.valueOf(channels));
    variables.put("WARPS", String.valueOf(BLOCK_CHANNELS / channels));
    variables.put("PADDED", String.valueOf(padded(shape.dState())));
    variables.put("INPUTS", String.valueOf(alignment.paired()));
    variables.put("VECTOR", String.valueOf(alignment.vector()));
    variables.put("GATED", alignment.gated() ? "1" : "0");
    variables.put("MARKED", marked ? "1" : "0");
    return new Kernel(new PtxSource("scan_long", variables), "scan_long");
  }
}
