package io.github.mamba4j.cuda.emulator;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A piece of registered memory and who touched it. */
final class Region {
  final long base;
  final long end;
  final MemorySegment segment;
  final boolean readOnly;

  /** Whether the segment is still registered. */
  boolean reachable = true;

  /** Which blocks touched the memory; made by the first launch that looks for races. */
  final GlobalRaces.Shadow shadow;

  Region(MemorySegment segment) {
    this.segment = segment;
    this.readOnly = segment.isReadOnly();
    this.base = segment.address();
    this.end = base + segment.byteSize();
    this.shadow = new GlobalRaces.Shadow();
  }

  boolean contains(long address, int bytes) {
    return address >= base && address + bytes <= end;
  }

  /** Returns bytes at an address, without a sign. */
  long read(long address, int bytes) {
    long offset = address - base;
    return switch (bytes) {
      case 1 -> segment.get(ValueLayout.JAVA_BYTE, offset) & 0xFFL;
      case 2 -> segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) & 0xFFFFL;
      case 4 -> segment.get(ValueLayout.JAVA_INT_UNALIGNED, offset) & 0xFFFF_FFFFL;
      default -> segment.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
    };
  }

  void write(long address, int bytes, long value) {
    long offset = address - base;
    switch (bytes) {
      case 1 -> segment.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
      case 2 -> segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, offset, (short) value);
      case 4 -> segment.set(ValueLayout.JAVA_INT_UNALIGNED, offset, (int) value);
      default -> segment.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
    }
  }
}
