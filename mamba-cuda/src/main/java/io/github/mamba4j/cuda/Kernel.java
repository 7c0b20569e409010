package io.github.mamba4j.cuda;

/**
 * A kernel by name.
 *
 * @param family the file that it is in, without the ending
 * @param name its entry there
 */
record Kernel(String family, String name) {
  @Override
  public String toString() {
    return family + "." + name;
  }
}
