package io.github.mamba4j.cuda.emulator;

/**
 * The threads that share memory and barriers; one object can serve all blocks of a launch in turn.
 */
final class Block {
  private static final int TURN = 2048;
  private static final int BARRIERS = 16;

  final Launch launch;
  final SharedMemory shared;
  final Warp[] warps;
  final CopyBarriers copyBarriers = new CopyBarriers();

  /** The block's number in its launch. */
  int number;

  private final Barrier[] barriers = new Barrier[BARRIERS];
  private final Instruction[] code;
  private int clock;
  private long count;
  private long storeCount;

  Block(Launch launch) {
    this.launch = launch;
    int threads = launch.threads();
    warps = new Warp[Math.ceilDiv(threads, Warp.LANES)];
    shared = new SharedMemory(launch.sharedBytes(), launch.entry.limits(), warps.length);
    for (int i = 0; i < warps.length; i++) {
      warps[i] = new Warp(this, i, launch.entry, warps.length);
    }
    for (int i = 0; i < BARRIERS; i++) {
      barriers[i] = new Barrier(this, i);
    }
    code = launch.entry.code().toArray(Instruction[]::new);
    SpecialRegisters.fillOnce(this);
  }

  /** Puts all threads at the first instruction. */
  void start(int blockNumber) {
    number = blockNumber;
    count = 0;
    for (Warp warp : warps) {
      clock = Math.max(clock, warp.clock());
    }
    shared.start(clock);
    copyBarriers.clear();
    int threads = launch.threads();
    for (Warp warp : warps) {
      int left = Math.min(Warp.LANES, threads - warp.index * Warp.LANES);
      warp.start(Warp.ALL >>> (Warp.LANES - left), clock);
    }
    SpecialRegisters.fillBlock(this);
    for (Barrier barrier : barriers) {
      barrier.reset();
    }
  }

  /**
   * Runs each warp until it waits, has ended or has used its turn.
   *
   * @return whether any ran
   * @throws PtxFault if none can run although some have not ended
   */
  boolean takeTurns() {
    boolean any = false;
    boolean live = false;
    for (Warp warp : warps) {
      if (warp.canRun()) {
        any = true;
        count += warp.run(code, TURN);
      }
      live |= warp.live != 0;
    }
    if (count > launch.instructionLimit * warps.length) {
      throw warps[0].fault(
          0, "the block has run " + count + " instructions, more than the limit; is it a loop?");
    }
    if (live && !any) {
      throw stuck();
    }
    return any;
  }

  private PtxFault stuck() {
    for (Warp warp : warps) {
      if (warp.live != 0) {
        return warp.fault(
            Warp.lowest(warp.live),
            "waits at barrier " + warp.waiting + ", which others never come to");
      }
    }
    throw new IllegalStateException("Block: no warp is left");
  }

  Barrier barrier(Warp warp, long id) {
    if (id < 0 || id >= BARRIERS) {
      throw warp.fault(Warp.lowest(warp.active), "there is no barrier " + id);
    }
    return barriers[(int) id];
  }

  /** Begins an instruction that writes shared memory. */
  void beginStore() {
    storeCount++;
  }

  /** Returns a number that belongs to the latest instruction that writes shared memory. */
  long instruction() {
    return storeCount;
  }

  /** Lets barriers go on that waited for a warp that has returned. */
  void exited() {
    for (Barrier barrier : barriers) {
      barrier.check();
    }
  }

  PtxFault fault(Warp warp, int lane, String problem) {
    int thread = warp.index * Warp.LANES + lane;
    Statement source = warp.current.source;
    return new PtxFault(
        launch.entry.name()
            + ": block "
            + launch.blockName(number)
            + ", thread "
            + launch.threadName(thread)
            + ", line "
            + source.line()
            + " '"
            + source.text()
            + "': "
            + problem);
  }
}
