package io.github.mamba4j.cuda.emulator;

/** Begins copies from global to shared memory, which the thread waits for later. */
final class AsyncCopy extends Instruction {
  private static final MemoryOps.Order WEAK = new MemoryOps.Order(false, false, false);

  private final int target;
  private final long targetOffset;
  private final Access bytewise;
  private final Access whole;
  private final int bytes;
  private final int size;
  private final int ignored;

  private AsyncCopy(Site.Address to, Site.Address from, int bytes, int size, int ignored) {
    this.target = to.register();
    this.targetOffset = to.offset();
    this.bytes = bytes;
    int piece = Math.min(bytes, 8);
    this.bytewise = new Access(from, Space.GLOBAL, 1, 1, WEAK);
    this.whole = new Access(from, Space.GLOBAL, piece, bytes / piece, WEAK);
    this.size = size;
    this.ignored = ignored;
  }

  static Instruction decode(Site site) {
    boolean wholeLines = site.oneOf("ca", "cg").equals("cg");
    if ((!site.has("shared") && !site.has("shared::cta")) || !site.has("global")) {
      throw site.error("copies from .global to .shared only");
    }
    site.ignoreStarting("L2::");
    int operands = MemoryOps.operandsBeforeHint(site);
    if (operands < 3 || operands > 4) {
      throw site.error("has " + operands + " operands, expected 3 or 4");
    }
    Site.Address to = site.address(site.operands.get(0));
    Site.Address from = site.address(site.operands.get(1));
    int bytes = site.immediate(site.operands.get(2));
    if (bytes != 16 && (wholeLines || (bytes != 4 && bytes != 8))) {
      throw site.error("copies 16 bytes, or, as cp.async.ca, 4 or 8");
    }
    int size = -1;
    int ignored = -1;
    if (operands == 4) {
      String last = site.operands.get(3);
      if (site.isPredicate(last)) {
        ignored = site.predicate(last);
      } else {
        size = site.source(last, Type.U32);
      }
    }
    site.touches(Space.SHARED, 4);
    site.touches(Space.GLOBAL, 4);
    return new AsyncCopy(to, from, bytes, size, ignored);
  }

  @Override
  void run(Warp warp, int lanes) {
    long[] addresses = whole.addresses(warp);
    warp.copies.begin(bytes);
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      int lane = Warp.lowest(rest);
      long to = warp.r[target][lane] + targetOffset;
      long from = addresses[lane];
      if ((to & bytes - 1) != 0) {
        throw warp.fault(lane, "shared address " + to + " is no multiple of " + bytes);
      }
      whole.align(warp, lane, from);
      int count = size < 0 ? bytes : (int) warp.r[size][lane];
      if (ignored >= 0 && (warp.p[ignored] >>> lane & 1) != 0) {
        count = 0;
      }
      if (count < 0 || count > bytes) {
        throw warp.fault(lane, "the size of the source is " + count + ", more than " + bytes);
      }
      warp.block.shared.beginCopy(warp, lane, to, bytes);
      if (count == bytes) {
        whole.read(warp, lane, from);
        long[] values = whole.values;
        warp.copies.add(lane, to, values[0], values[values.length - 1]);
      } else {
        long low = read(warp, lane, from, Math.min(count, 8));
        warp.copies.add(lane, to, low, read(warp, lane, from + 8, count - 8));
      }
    }
  }

  /** Reads bytes one by one; those that are left out count as zero and need not exist. */
  private long read(Warp warp, int lane, long from, int count) {
    long bits = 0;
    for (int i = count - 1; i >= 0; i--) {
      bytewise.read(warp, lane, from + i);
      bits = bits << 8 | bytewise.values[0];
    }
    return bits;
  }
}
