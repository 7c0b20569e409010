package io.github.mamba4j.cuda.emulator;

/** How an instruction reaches memory: where to, how much at once, and in what order with others. */
final class Access {
  private final int register;
  private final long offset;
  private final Space space;
  private final int bytes;
  private final int aligned;
  private final MemoryOps.Order order;
  private final long[] addresses = new long[Warp.LANES];
  private Region region;
  private EmulatedMemory memory;

  /**
   * Describes an access.
   *
   * @param bytes size of an element
   * @param count elements of the vector
   */
  Access(Site.Address address, Space space, int bytes, int count, MemoryOps.Order order) {
    this.register = address.register();
    this.offset = address.offset();
    this.space = space;
    this.bytes = bytes;
    this.aligned = bytes * count;
    this.order = order;
  }

  /** Returns the addresses of all lanes, before the instruction changes the register. */
  long[] addresses(Warp warp) {
    long[] from = warp.r[register];
    for (int i = 0; i < Warp.LANES; i++) {
      addresses[i] = from[i] + offset;
    }
    return addresses;
  }

  /** Demands that the address of a vector is a multiple of its size. */
  void align(Warp warp, int lane, long address) {
    if ((address & aligned - 1) != 0) {
      throw warp.fault(
          lane, "address 0x" + Long.toHexString(address) + " is no multiple of " + aligned);
    }
  }

  private boolean isShared(long address) {
    return space == Space.SHARED || (space == Space.GENERIC && inWindow(address));
  }

  private static boolean inWindow(long address) {
    return address >>> 32 == MemoryOps.SHARED_WINDOW >>> 32;
  }

  private long inShared(long address) {
    return space == Space.SHARED ? address : address - MemoryOps.SHARED_WINDOW;
  }

  /** Returns the registered memory that holds an element. */
  private Region region(Warp warp, int lane, long address, boolean writes) {
    EmulatedMemory reached = warp.block.launch.memory;
    Region known = region;
    if (known == null || memory != reached || !known.reachable || !known.contains(address, bytes)) {
      known = reached.find(address, bytes);
      if (known == null) {
        throw warp.fault(
            lane,
            (writes ? "writes " : "reads ")
                + bytes
                + " bytes out of reach at "
                + reached.describe(address));
      }
      region = known;
      memory = reached;
    }
    if (writes && known.segment.isReadOnly()) {
      throw warp.fault(lane, "writes read-only memory at " + reached.describe(address));
    }
    return known;
  }

  /** Returns an element, after all checks. */
  long read(Warp warp, int lane, long address) {
    if (isShared(address)) {
      SharedMemory shared = warp.block.shared;
      return order.strong()
          ? shared.readAtomic(warp, lane, inShared(address), bytes)
          : shared.read(warp, lane, inShared(address), bytes);
    }
    Region from = region(warp, lane, address, false);
    GlobalRaces races = warp.block.launch.races;
    races.read(warp, lane, from, address, bytes, order.strong());
    if (order.strong()) {
      races.acquire(address);
      if (order.acquires()) {
        races.fence();
      }
    }
    return from.read(address, bytes);
  }

  /** Writes an element, after all checks. */
  void write(Warp warp, int lane, long address, long value) {
    if (isShared(address)) {
      SharedMemory shared = warp.block.shared;
      if (order.strong()) {
        shared.writeAtomic(warp, lane, inShared(address), bytes, value);
      } else {
        shared.write(warp, lane, inShared(address), bytes, value);
      }
      return;
    }
    Region to = region(warp, lane, address, true);
    GlobalRaces races = warp.block.launch.races;
    races.write(warp, lane, to, address, bytes, order.strong());
    if (order.strong()) {
      if (order.releases()) {
        races.fence();
      }
      races.release(address, false);
    }
    to.write(address, bytes, value);
  }

  /** Replaces an element by a function of it; returns what it was. */
  long update(Warp warp, int lane, long address, Lanes.One function) {
    if (isShared(address)) {
      SharedMemory shared = warp.block.shared;
      long before = shared.readAtomic(warp, lane, inShared(address), bytes);
      shared.writeAtomic(warp, lane, inShared(address), bytes, function.of(before));
      return before;
    }
    Region to = region(warp, lane, address, true);
    GlobalRaces races = warp.block.launch.races;
    races.read(warp, lane, to, address, bytes, true);
    races.write(warp, lane, to, address, bytes, true);
    if (order.releases()) {
      races.fence();
    }
    races.acquire(address);
    if (order.acquires()) {
      races.fence();
    }
    races.release(address, true);
    long before = to.read(address, bytes);
    to.write(address, bytes, function.of(before));
    return before;
  }
}
