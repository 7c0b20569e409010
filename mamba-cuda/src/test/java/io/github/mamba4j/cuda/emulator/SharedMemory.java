package io.github.mamba4j.cuda.emulator;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The memory of a block, with the clocks of its last accesses: an access must know, by a barrier,
 * of every earlier one by another warp that it conflicts with.
 *
 * <p>Notes are kept for pieces as small as the smallest access of the kernel. Who wrote last is one
 * number, the warp's clock and its index.
 */
final class SharedMemory {
  /** Address of the first byte; not zero, so that a forgotten base is noticed. */
  static final int BASE = 1024;

  static final int DYNAMIC_ALIGN = 16;

  private static final int WARP_BITS = 5;
  private static final int WARP_MASK = (1 << WARP_BITS) - 1;
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] data;
  private final int shift;
  private final int warps;
  private final long[] written;
  private final long[] atomics;
  private final int[] readClock;
  private final short[] pending;
  private final long[] storedBy;

  /** What the notes of earlier blocks do not exceed. */
  private long past;

  private boolean anyAtomics;
  private boolean anyCopies;

  SharedMemory(int bytes, Entry.Limits limits, int warps) {
    this.warps = warps;
    data = new byte[bytes];
    shift = Integer.numberOfTrailingZeros(limits.sharedGranule());
    int granules = Math.ceilDiv(bytes, limits.sharedGranule());
    written = new long[granules];
    atomics = new long[granules];
    readClock = new int[warps * granules];
    pending = new short[granules];
    storedBy = new long[granules];
  }

  /** Begins a block whose accesses have clocks beyond the given one. */
  void start(int clock) {
    past = ((long) clock << WARP_BITS) + WARP_MASK;
    anyAtomics = false;
    if (anyCopies) {
      Arrays.fill(pending, (short) 0);
      anyCopies = false;
    }
  }

  private int offset(Warp warp, int lane, long address, int bytes) {
    long offset = address - BASE;
    if (offset < 0 || offset + bytes > data.length || (address & (bytes - 1)) != 0) {
      throw misplaced(warp, lane, address, bytes);
    }
    return (int) offset;
  }

  private PtxFault misplaced(Warp warp, int lane, long address, int bytes) {
    String place = "shared address " + address + " is ";
    if ((address & (bytes - 1)) != 0) {
      return warp.fault(lane, place + "no multiple of " + bytes);
    }
    String range = " of " + data.length + " (addresses begin at " + BASE + ")";
    return warp.fault(lane, place + "byte " + (address - BASE) + range);
  }

  private static long stamp(Warp warp) {
    return (long) warp.clock() << WARP_BITS | warp.index;
  }

  /** Returns whether the warp does not know of what another one did. */
  private static boolean isUnknown(Warp warp, long stamp) {
    int other = (int) stamp & WARP_MASK;
    return stamp >>> WARP_BITS > warp.clocks[other] && other != warp.index;
  }

  /**
   * Checks a read.
   *
   * @param bytes how many, a power of two and the multiple that the address must be
   * @return where they lie, for {@link #get}
   */
  int reading(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    int clock = warp.clock();
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      long writer = written[i];
      if (writer <= past || anyCopies || anyAtomics) {
        checkReadable(warp, lane, address, i);
      }
      if (isUnknown(warp, writer)) {
        throw race(warp, lane, "reads", address, "written", writer);
      }
      if (anyAtomics && isUnknown(warp, atomics[i])) {
        throw race(warp, lane, "reads", address, "written", atomics[i]);
      }
      readClock[i * warps + warp.index] = clock;
    }
    return offset;
  }

  private void checkReadable(Warp warp, int lane, long address, int granule) {
    if (pending[granule] != 0) {
      throw warp.fault(
          lane,
          "reads shared address "
              + address
              + ", where a cp.async has not been waited for by its thread");
    }
    if (written[granule] <= past && atomics[granule] <= past) {
      throw warp.fault(lane, "reads shared address " + address + ", which was not written before");
    }
  }

  /**
   * Checks a write of a vector.
   *
   * @param bytes how many, a power of two and the multiple that the address must be
   * @param values the elements to be written, which other lanes may write too
   * @param count how many elements
   * @return where they lie, for {@link #set}
   */
  int writing(Warp warp, int lane, long address, int bytes, long[] values, int count) {
    int offset = offset(warp, lane, address, bytes);
    long instruction = warp.block.instruction();
    long stamp = stamp(warp);
    boolean again = false;
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkWrite(warp, lane, address, i);
      again |= storedBy[i] == instruction;
      storedBy[i] = instruction;
      written[i] = stamp;
    }
    int each = bytes / count;
    for (int k = 0; again && k < count; k++) {
      if (get(offset + k * each, each) != (values[k] & (-1L >>> (64 - 8 * each)))) {
        throw warp.fault(
            lane, "another lane stores another value at shared address " + address + " at once");
      }
    }
    return offset;
  }

  private void checkWrite(Warp warp, int lane, long address, int granule) {
    if (pending[granule] != 0) {
      throw warp.fault(
          lane, "writes shared address " + address + ", which a cp.async still writes");
    }
    checkOrder(warp, lane, address, granule);
    if (anyAtomics && isUnknown(warp, atomics[granule])) {
      throw race(warp, lane, "writes", address, "written", atomics[granule]);
    }
  }

  /** Checks that plain accesses of other warps are past. */
  private void checkOrder(Warp warp, int lane, long address, int granule) {
    if (isUnknown(warp, written[granule])) {
      throw race(warp, lane, "writes", address, "written", written[granule]);
    }
    int[] clocks = warp.clocks;
    int first = granule * warps;
    for (int i = 0; i < warps; i++) {
      if (readClock[first + i] > clocks[i] && i != warp.index) {
        throw race(warp, lane, "writes", address, "read", i);
      }
    }
  }

  /** Returns the bytes at an address for an atomic or volatile access. */
  long readAtomic(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkReadable(warp, lane, address, i);
      if (isUnknown(warp, written[i])) {
        throw race(warp, lane, "reads", address, "written", written[i]);
      }
    }
    return get(offset, bytes);
  }

  /** Writes bytes in an atomic or volatile access, which does not race with others of its kind. */
  void writeAtomic(Warp warp, int lane, long address, int bytes, long value) {
    int offset = offset(warp, lane, address, bytes);
    anyAtomics = true;
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkOrder(warp, lane, address, i);
      atomics[i] = stamp(warp);
    }
    set(offset, bytes, value);
  }

  /** Marks bytes that an asynchronous copy will write; nobody may touch them until it is done. */
  void beginCopy(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    anyCopies = true;
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkWrite(warp, lane, address, i);
      pending[i]++;
      written[i] = stamp(warp);
    }
  }

  /** Writes some of the bytes of an asynchronous copy, now that its thread has waited for it. */
  void endCopy(Warp warp, int lane, long address, int bytes, long value) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      pending[i] = 0;
      written[i] = stamp(warp);
    }
    set(offset, bytes, value);
  }

  private static PtxFault race(
      Warp warp, int lane, String does, long address, String did, long other) {
    return warp.fault(
        lane,
        "race: "
            + does
            + " shared address "
            + address
            + ", "
            + did
            + " by warp "
            + (other & WARP_MASK)
            + " without a barrier between");
  }

  /** Returns bytes, without a sign. */
  long get(int offset, int bytes) {
    return switch (bytes) {
      case 1 -> data[offset] & 0xFFL;
      case 2 -> (short) SHORT.get(data, offset) & 0xFFFFL;
      case 4 -> (int) INT.get(data, offset) & 0xFFFF_FFFFL;
      default -> (long) LONG.get(data, offset);
    };
  }

  void set(int offset, int bytes, long value) {
    switch (bytes) {
      case 1 -> data[offset] = (byte) value;
      case 2 -> SHORT.set(data, offset, (short) value);
      case 4 -> INT.set(data, offset, (int) value);
      default -> LONG.set(data, offset, value);
    }
  }
}
