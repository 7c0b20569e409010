package io.github.mamba4j.cuda.emulator;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A kernel on its way over a grid. */
final class Launch {
  /** Shared memory of a block on the GPUs of compute capability 9.0. */
  private static final int MAX_SHARED = 227 << 10;

  final Entry entry;
  final int[] grid;
  final int[] block;
  final int dynamicShared;
  final ByteBuffer parameters;
  final EmulatedMemory memory;
  final GlobalRaces races;
  final long instructionLimit;

  Launch(
      Entry entry,
      int[] grid,
      int[] block,
      int dynamicShared,
      ByteBuffer parameters,
      EmulatedMemory memory,
      PtxProgram.Checks checks) {
    this.entry = entry;
    this.grid = triple(grid, "grid");
    this.block = triple(block, "block");
    this.dynamicShared = dynamicShared;
    this.parameters = parameters.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    this.memory = memory;
    this.instructionLimit = checks.instructionLimit();
    int blocks = Math.multiplyExact(Math.multiplyExact(grid[0], grid[1]), grid[2]);
    this.races =
        new GlobalRaces(checks.globalRaces(), memory, blocks, entry.limits().globalGranule());
    int bytes = parameters.limit();
    if (bytes < entry.parameterBytes()) {
      throw refused("takes " + entry.parameterBytes() + " bytes of parameters, got " + bytes);
    }
    if (threads() > entry.limits().maxThreads()) {
      throw refused("takes " + entry.limits().maxThreads() + " threads, got " + threads());
    }
    if (dynamicShared < 0 || sharedBytes() > MAX_SHARED) {
      throw refused(sharedBytes() + " bytes of shared memory are more than " + MAX_SHARED);
    }
  }

  private int[] triple(int[] sizes, String name) {
    if (sizes.length != 3 || sizes[0] < 1 || sizes[1] < 1 || sizes[2] < 1) {
      throw refused("the " + name + " needs three positive sizes");
    }
    if (name.equals("grid") && (sizes[1] > 65_535 || sizes[2] > 65_535)) {
      throw refused("a grid has at most 65535 blocks along y and z");
    }
    return sizes.clone();
  }

  private PtxFault refused(String problem) {
    return new PtxFault(entry.name() + ": cannot be launched: " + problem);
  }

  int threads() {
    return block[0] * block[1] * block[2];
  }

  int sharedBytes() {
    return entry.staticShared() + dynamicShared;
  }

  /** Runs the blocks one after the other. */
  void run() {
    int blocks = grid[0] * grid[1] * grid[2];
    Block runner = new Block(this);
    for (int i = 0; i < blocks; i++) {
      races.enter(i);
      runner.start(i);
      while (runner.takeTurns()) {
        // Warps that wait for other blocks find them ended.
      }
      races.leave(i);
    }
  }

  /** Runs the blocks in turns, as if all were on the GPU at once. */
  void runTogether() {
    Block[] blocks = new Block[grid[0] * grid[1] * grid[2]];
    for (int i = 0; i < blocks.length; i++) {
      races.enter(i);
      blocks[i] = new Block(this);
      blocks[i].start(i);
    }
    boolean any = true;
    while (any) {
      any = false;
      for (int i = 0; i < blocks.length; i++) {
        races.enter(i);
        any |= blocks[i].takeTurns();
      }
    }
  }

  String blockName(int number) {
    return name(grid, number);
  }

  String threadName(int thread) {
    return name(block, thread);
  }

  private static String name(int[] sizes, int number) {
    return "("
        + number % sizes[0]
        + ", "
        + number / sizes[0] % sizes[1]
        + ", "
        + number / sizes[0] / sizes[1]
        + ")";
  }
}
