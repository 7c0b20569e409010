package io.github.mamba4j.internal.cpu;

import jdk.incubator.vector.VectorShape;

/**
 * How many lanes the vectors of {@link VectorAccess} have: as many as the machine prefers, of 4, 8
 * or 16, for which there are sums across lanes. Apart from its classes, which take a tenth of a
 * second to load.
 */
final class VectorWidth {
  /** Lanes of a vector of floats; of the widest vectors where there is no Vector API. */
  static final int LANES = isPresent() ? lanes() : 16;

  private VectorWidth() {}

  private static boolean isPresent() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
  }

  private static int lanes() {
    return Math.clamp(VectorShape.preferredShape().vectorBitSize() / Float.SIZE, 4, 16);
  }
}
