package io.github.mamba4j.cuda.emulator;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Memory the emulated GPU can reach; addresses are real host addresses of native segments. */
public final class EmulatedMemory {
  private final TreeMap<Long, Region> regions = new TreeMap<>();

  /** Blocks that have been launched on this memory, so that each has a number of its own. */
  int blocks;

  /**
   * Makes a segment reachable, at [address, address + size). A kernel that writes a read-only one
   * fails.
   *
   * @throws IllegalArgumentException if it is not native or overlaps another one
   */
  public void register(MemorySegment nativeSegment) {
    if (!nativeSegment.isNative()) {
      throw new IllegalArgumentException("EmulatedMemory: the segment is not native");
    }
    if (nativeSegment.byteSize() == 0) {
      return;
    }
    Region region = new Region(nativeSegment);
    Map.Entry<Long, Region> before = regions.lowerEntry(region.end);
    if (before != null && before.getValue().end > region.base) {
      throw new IllegalArgumentException(
          "EmulatedMemory: the segment overlaps one that is registered");
    }
    regions.put(region.base, region);
  }

  /** Makes a segment unreachable that was registered. */
  public void forget(MemorySegment nativeSegment) {
    Region region = regions.remove(nativeSegment.address());
    if (region != null) {
      region.reachable = false;
    }
  }

  /** Returns the registered segment that holds some bytes, or null. */
  @Nullable Region find(long address, int bytes) {
    Map.Entry<Long, Region> entry = regions.floorEntry(address);
    if (entry == null || !entry.getValue().contains(address, bytes)) {
      return null;
    }
    return entry.getValue();
  }

  /** Says what lies next to an address. */
  String describe(long address) {
    Map.Entry<Long, Region> before = regions.floorEntry(address);
    if (before == null) {
      return "0x" + Long.toHexString(address) + ", below all registered memory";
    }
    Region region = before.getValue();
    return "0x"
        + Long.toHexString(address)
        + ", byte "
        + (address - region.base)
        + " of registered memory of "
        + (region.end - region.base)
        + " bytes";
  }
}
