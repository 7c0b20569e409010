package io.github.mamba4j.cuda.emulator;

import java.util.List;
import java.util.Map;

/**
 * A kernel, decoded.
 *
 * @param code its instructions; the last one returns
 * @param registers how many registers it has, constants and special registers among them
 * @param constants the registers that hold a constant, with all bits set in a true predicate
 * @param specials the registers that hold a special register, by its name
 * @param parameterBytes bytes of its packed parameters
 * @param staticShared bytes of shared memory that it declares
 * @param limits what it says of its launches
 * @param names the names of its other registers
 */
record Entry(
    String name,
    List<Instruction> code,
    int registers,
    Map<Integer, Long> constants,
    Map<Integer, String> specials,
    int parameterBytes,
    int staticShared,
    Limits limits,
    Map<Integer, String> names) {
  /**
   * What a kernel says of its launches and what checks need to know.
   *
   * @param maxThreads the most threads of a block
   * @param sharedGranule bytes of the smallest piece of shared memory that it touches
   * @param globalGranule bytes of the smallest piece of global memory that it touches
   */
  record Limits(int maxThreads, int sharedGranule, int globalGranule) {}

  /** A parameter and where it lies. */
  record Parameter(String name, int offset, int bytes) {}

  /** Returns the parameters' end. */
  static int end(List<Parameter> parameters) {
    return parameters.isEmpty() ? 0 : parameters.getLast().offset() + parameters.getLast().bytes();
  }
}
