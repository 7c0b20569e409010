package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The form of the kernels for tensor cores that a scan takes.
 *
 * @param channels channels of a slice of a head
 * @param states states a channel
 */
record SsdForm(int channels, int states) {
  private static final int LEAST_STATES = 64;
  private static final int MOST_STATES = 128;
  private static final int WIDE = 64;

  /** Channels of a slice at least. */
  static final int LEAST_CHANNELS = 32;

  /** Sums of warps in shared memory, backward. */
  private static final int SUMS_BYTES = 4096 + 8 * Float.BYTES;

  /** Elements that are copied at once, and that lie beyond a row in shared memory. */
  private static final int PIECE = 8;

  /**
   * Returns the form for a scan, or null if float arithmetic has to do. It is the same for both
   * passes, since the states that the first leaves differ.
   */
  static @Nullable SsdForm of(Shape shape, Inputs in, int sharedBytes) {
    int states = shape.dState();
    boolean fits =
        in.x().type() == DType.BF16
            && !SsdPlan.stepwise(shape)
            && (states == LEAST_STATES || states == MOST_STATES)
            && shape.headDim() % LEAST_CHANNELS == 0
            && Stream.of(in.x(), in.b(), in.c()).allMatch(SsdForm::byEights);
    if (!fits) {
      return null;
    }
    SsdForm form = new SsdForm(shape.headDim() % WIDE == 0 ? WIDE : LEAST_CHANNELS, states);
    return form.backwardShared() <= sharedBytes ? form : null;
  }

  /** Returns whether eight elements of a view's rows may be copied at once. */
  static boolean byEights(View view) {
    return Vectors.aligned(view, PIECE);
  }

  Kernel kernel(String family, String name) {
    Map<String, String> sizes =
        Map.of("P", Integer.toString(channels), "N", Integer.toString(states));
    return new Kernel(new PtxSource(Objects.requireNonNull(family), sizes), name);
  }

  /** Returns how many slices all heads have. */
  int slices(Shape shape) {
    return shape.dInner() / channels;
  }

  /** Returns how many slices a head has. */
  int slicesPerHead(Shape shape) {
    return shape.headDim() / channels;
  }

  private static int tileBytes(int columns) {
    return SsdPlan.CHUNK * (columns + PIECE) * Short.BYTES;
  }

  private int stateBytes() {
    return channels * (states + PIECE) * Short.BYTES;
  }

  /** Returns the shared memory of a block that walks through time. */
  int walkShared() {
    int vectors = SsdPlan.VECTORS * Float.BYTES;
    return 2 * tileBytes(states) + 3 * tileBytes(channels) + stateBytes() + 2 * vectors;
  }

  /** Returns the shared memory of a block that computes the gradients of a chunk. */
  int backwardShared() {
    int vectors = SsdPlan.VECTORS * Float.BYTES;
    int stage = 2 * tileBytes(channels) + 2 * stateBytes() + vectors;
    return 2 * tileBytes(states) + 2 * stage + tileBytes(SsdPlan.CHUNK) + SUMS_BYTES;
  }
}
