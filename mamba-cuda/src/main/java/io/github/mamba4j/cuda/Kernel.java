package io.github.mamba4j.cuda;

import java.util.Map;

/**
 * A kernel by name.
 *
 * @param source the file that it is in, as it is expanded
 * @param name its entry there
 */
record Kernel(PtxSource source, String name) {
  /** A kernel of a family that has one form. */
  Kernel(String family, String name) {
    this(new PtxSource(family, Map.of()), name);
  }

  @Override
  public String toString() {
    return source + "." + name;
  }
}
