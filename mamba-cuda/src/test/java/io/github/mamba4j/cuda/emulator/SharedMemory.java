package io.github.mamba4j.cuda.emulator;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The memory of a block, with the clocks of its last accesses: an access must know, by a barrier,
 * of every earlier one by another warp that it conflicts with.
 */
final class SharedMemory {
  /** Address of the first byte; not zero, so that a forgotten base is noticed. */
  static final int BASE = 1024;

  static final int DYNAMIC_ALIGN = 16;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] data;
  private final int shift;
  private final int[] writeClock;
  private final byte[] writeWarp;
  private final int[] atomicClock;
  private final byte[] atomicWarp;
  private final int[][] readClock;
  private final short[] pending;
  private final long[] storedBy;
  private int past;

  SharedMemory(int bytes, Entry.Limits limits, int warps) {
    data = new byte[bytes];
    shift = Integer.numberOfTrailingZeros(limits.sharedGranule());
    int granules = Math.ceilDiv(bytes, limits.sharedGranule());
    writeClock = new int[granules];
    writeWarp = new byte[granules];
    atomicClock = new int[granules];
    atomicWarp = new byte[granules];
    readClock = new int[warps][granules];
    pending = new short[granules];
    storedBy = new long[granules];
  }

  /** Begins a block whose accesses have clocks beyond the given one. */
  void start(int clock) {
    past = clock;
    Arrays.fill(pending, (short) 0);
  }

  private int offset(Warp warp, int lane, long address, int bytes) {
    long offset = address - BASE;
    if (offset < 0 || offset + bytes > data.length) {
      throw warp.fault(
          lane,
          "shared address "
              + address
              + " is byte "
              + offset
              + " of "
              + data.length
              + " (addresses begin at "
              + BASE
              + ")");
    }
    if ((address & bytes - 1) != 0) {
      throw warp.fault(lane, "shared address " + address + " is no multiple of " + bytes);
    }
    return (int) offset;
  }

  /** Returns the bytes at an address, without a sign, after all checks. */
  long read(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    int[] reads = readClock[warp.index];
    int[] clocks = warp.clocks;
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      int written = writeClock[i];
      int wrote = atomicClock[i];
      if ((written <= past && wrote <= past) || pending[i] != 0) {
        throw unreadable(warp, lane, address, i);
      }
      if (written > clocks[writeWarp[i]] && writeWarp[i] != warp.index) {
        throw race(warp, lane, "reads", address, "written", writeWarp[i]);
      }
      if (wrote > clocks[atomicWarp[i]] && atomicWarp[i] != warp.index) {
        throw race(warp, lane, "reads", address, "written", atomicWarp[i]);
      }
      reads[i] = clocks[warp.index];
    }
    return get(offset, bytes);
  }

  /** Writes bytes at an address, after all checks. */
  void write(Warp warp, int lane, long address, int bytes, long value) {
    int offset = offset(warp, lane, address, bytes);
    long instruction = warp.block.instruction();
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkWrite(warp, lane, address, i);
      if (storedBy[i] == instruction && get(offset, bytes) != (value & mask(bytes))) {
        throw warp.fault(
            lane, "another lane stores another value at shared address " + address + " at once");
      }
      storedBy[i] = instruction;
      writeClock[i] = warp.clock();
      writeWarp[i] = (byte) warp.index;
    }
    set(offset, bytes, value);
  }

  private void checkWrite(Warp warp, int lane, long address, int granule) {
    if (pending[granule] != 0) {
      throw warp.fault(
          lane, "writes shared address " + address + ", which a cp.async still writes");
    }
    checkOrder(warp, lane, address, granule);
    if (atomicClock[granule] > warp.clocks[atomicWarp[granule]]
        && atomicWarp[granule] != warp.index) {
      throw race(warp, lane, "writes", address, "written", atomicWarp[granule]);
    }
  }

  /** Checks that plain accesses of other warps are past. */
  private void checkOrder(Warp warp, int lane, long address, int granule) {
    int[] clocks = warp.clocks;
    int writer = writeWarp[granule];
    if (writeClock[granule] > clocks[writer] && writer != warp.index) {
      throw race(warp, lane, "writes", address, "written", writer);
    }
    for (int i = 0; i < readClock.length; i++) {
      if (readClock[i][granule] > clocks[i] && i != warp.index) {
        throw race(warp, lane, "writes", address, "read", i);
      }
    }
  }

  /** Returns the bytes at an address for an atomic or volatile access. */
  long readAtomic(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      if ((writeClock[i] <= past && atomicClock[i] <= past) || pending[i] != 0) {
        throw unreadable(warp, lane, address, i);
      }
      if (writeClock[i] > warp.clocks[writeWarp[i]] && writeWarp[i] != warp.index) {
        throw race(warp, lane, "reads", address, "written", writeWarp[i]);
      }
    }
    return get(offset, bytes);
  }

  /** Writes bytes in an atomic or volatile access, which does not race with others of its kind. */
  void writeAtomic(Warp warp, int lane, long address, int bytes, long value) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkOrder(warp, lane, address, i);
      atomicClock[i] = warp.clock();
      atomicWarp[i] = (byte) warp.index;
    }
    set(offset, bytes, value);
  }

  /** Marks bytes that an asynchronous copy will write; nobody may touch them until it is done. */
  void beginCopy(Warp warp, int lane, long address, int bytes) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      checkWrite(warp, lane, address, i);
      pending[i]++;
      writeClock[i] = warp.clock();
      writeWarp[i] = (byte) warp.index;
    }
  }

  /** Writes some of the bytes of an asynchronous copy, now that its thread has waited for it. */
  void endCopy(Warp warp, int lane, long address, int bytes, long value) {
    int offset = offset(warp, lane, address, bytes);
    int last = (offset + bytes - 1) >> shift;
    for (int i = offset >> shift; i <= last; i++) {
      pending[i] = 0;
      writeClock[i] = warp.clock();
      writeWarp[i] = (byte) warp.index;
    }
    set(offset, bytes, value);
  }

  private PtxFault unreadable(Warp warp, int lane, long address, int granule) {
    return warp.fault(
        lane,
        "reads shared address "
            + address
            + (pending[granule] != 0
                ? ", where a cp.async has not been waited for by its thread"
                : ", which was not written before"));
  }

  private static PtxFault race(
      Warp warp, int lane, String does, long address, String did, int other) {
    return warp.fault(
        lane,
        "race: "
            + does
            + " shared address "
            + address
            + ", "
            + did
            + " by warp "
            + other
            + " without a barrier between");
  }

  private static long mask(int bytes) {
    return -1L >>> (64 - 8 * bytes);
  }

  private long get(int offset, int bytes) {
    return switch (bytes) {
      case 1 -> data[offset] & 0xFFL;
      case 2 -> (short) SHORT.get(data, offset) & 0xFFFFL;
      case 4 -> (int) INT.get(data, offset) & 0xFFFF_FFFFL;
      default -> (long) LONG.get(data, offset);
    };
  }

  private void set(int offset, int bytes, long value) {
    switch (bytes) {
      case 1 -> data[offset] = (byte) value;
      case 2 -> SHORT.set(data, offset, (short) value);
      case 4 -> INT.set(data, offset, (int) value);
      default -> LONG.set(data, offset, value);
    }
  }
}
