package io.github.mamba4j.cuda.emulator;

/** How an instruction reaches memory: where to, how much at once, and in what order with others. */
final class Access {
  private final int register;
  private final long offset;
  private final Space space;
  private final int bytes;
  private final int count;
  private final int aligned;
  private final MemoryOps.Order order;

  /** The elements that were read or are to be written. */
  final long[] values;

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
    this.count = count;
    this.aligned = bytes * count;
    this.values = new long[count];
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
    if ((address & (aligned - 1)) != 0) {
      throw crooked(warp, lane, address);
    }
  }

  private PtxFault crooked(Warp warp, int lane, long address) {
    return warp.fault(
        lane, "address 0x" + Long.toHexString(address) + " is no multiple of " + aligned);
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

  /** Returns the registered memory that holds some bytes. */
  private Region region(Warp warp, int lane, long address, int size, boolean writes) {
    EmulatedMemory reached = warp.block.launch.memory;
    Region known = region;
    if (known == null || memory != reached || !known.reachable || !known.contains(address, size)) {
      known = reached.find(address, size);
      region = known;
      memory = reached;
    }
    if (known == null || (writes && known.readOnly)) {
      throw refused(warp, lane, address, size, writes);
    }
    return known;
  }

  private static PtxFault refused(Warp warp, int lane, long address, int size, boolean writes) {
    EmulatedMemory reached = warp.block.launch.memory;
    String what =
        reached.find(address, size) == null ? size + " bytes out of reach" : "read-only memory";
    String does = writes ? "writes " : "reads ";
    return warp.fault(lane, does + what + " at " + reached.describe(address));
  }

  /** Reads all elements at an address into {@link #values}, after all checks. */
  void read(Warp warp, int lane, long address) {
    if (isShared(address)) {
      readShared(warp, lane, inShared(address));
      return;
    }
    align(warp, lane, address);
    Region from = region(warp, lane, address, aligned, false);
    GlobalRaces races = warp.block.launch.races;
    races.read(warp, lane, from, address, aligned, order.strong());
    if (order.strong()) {
      warp.yields = true; // perhaps it waits for another block
      races.acquire(address);
      if (order.acquires()) {
        races.fence();
      }
    }
    for (int k = 0; k < count; k++) {
      values[k] = from.read(address + (long) k * bytes, bytes);
    }
  }

  private void readShared(Warp warp, int lane, long address) {
    SharedMemory shared = warp.block.shared;
    if (order.strong()) {
      for (int k = 0; k < count; k++) {
        values[k] = shared.readAtomic(warp, lane, address + (long) k * bytes, bytes);
      }
      return;
    }
    int offset = shared.reading(warp, lane, address, aligned);
    for (int k = 0; k < count; k++) {
      values[k] = shared.get(offset + k * bytes, bytes);
    }
  }

  /** Writes all elements of {@link #values} at an address, after all checks. */
  void write(Warp warp, int lane, long address) {
    if (isShared(address)) {
      writeShared(warp, lane, inShared(address));
      return;
    }
    align(warp, lane, address);
    Region to = region(warp, lane, address, aligned, true);
    GlobalRaces races = warp.block.launch.races;
    races.write(warp, lane, to, address, aligned, order.strong());
    if (order.strong()) {
      if (order.releases()) {
        races.fence();
      }
      races.release(address, false);
    }
    for (int k = 0; k < count; k++) {
      to.write(address + (long) k * bytes, bytes, values[k]);
    }
  }

  private void writeShared(Warp warp, int lane, long address) {
    SharedMemory shared = warp.block.shared;
    if (order.strong()) {
      for (int k = 0; k < count; k++) {
        shared.writeAtomic(warp, lane, address + (long) k * bytes, bytes, values[k]);
      }
      return;
    }
    int offset = shared.writing(warp, lane, address, aligned, values, count);
    for (int k = 0; k < count; k++) {
      shared.set(offset + k * bytes, bytes, values[k]);
    }
  }

  /** Replaces an element by a function of it; returns what it was. */
  long update(Warp warp, int lane, long address, Lanes.One function) {
    if (isShared(address)) {
      SharedMemory shared = warp.block.shared;
      long before = shared.readAtomic(warp, lane, inShared(address), bytes);
      shared.writeAtomic(warp, lane, inShared(address), bytes, function.of(before));
      return before;
    }
    Region to = region(warp, lane, address, bytes, true);
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
