package io.github.mamba4j.cuda.emulator;

import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Atomic operations on memory; lanes take part in the order of their numbers. */
final class Atomics {
  private Atomics() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("atom", Atomics::atomic);
    decoders.put("red", Atomics::reduction);
  }

  /** Updates elements of memory. */
  private static final class Update extends Instruction {
    private final Access access;
    private final int to;
    private final int[] values;
    private final int swap;
    private final Type type;
    private final Lanes.Three function;

    Update(Access access, int to, int[] values, int swap, Type type, Lanes.Three function) {
      this.access = access;
      this.to = to;
      this.values = values;
      this.swap = swap;
      this.type = type;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] addresses = access.addresses(warp);
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        access.align(warp, i, addresses[i]);
        for (int k = 0; k < values.length; k++) {
          long value = warp.r[values[k]][i];
          long second = swap < 0 ? 0 : warp.r[swap][i];
          long place = addresses[i] + (long) k * type.bytes;
          long before = access.update(warp, i, place, old -> function.of(old, value, second));
          if (to >= 0) {
            warp.r[to][i] = before;
          }
        }
      }
    }
  }

  private static Instruction atomic(Site site) {
    boolean swaps = site.has("cas");
    site.expectOperands(swaps ? 4 : 3, swaps ? 4 : 3);
    return decode(site, 1);
  }

  private static Instruction reduction(Site site) {
    if (site.has("async")) {
      throw site.error("modifier .async is not supported here");
    }
    site.expectOperands(2, 2);
    return decode(site, 0);
  }

  /** Decodes an operation whose address is in the given place among the operands. */
  private static Instruction decode(Site site, int place) {
    Type type = site.type();
    Site.Address address = site.address(site.operands.get(place));
    Space space = MemoryOps.space(site, address);
    MemoryOps.Order written = MemoryOps.Order.of(site);
    MemoryOps.Order order = new MemoryOps.Order(true, written.acquires(), written.releases());
    String width = site.oneOf("v2", "v4", "v8");
    List<String> names = Site.elements(site.operands.get(place + 1));
    if (names.size() != (width.isEmpty() ? 1 : width.charAt(1) - '0')) {
      throw site.error("the registers do not fit the vector");
    }
    int[] values = names.stream().mapToInt(name -> site.source(name, type)).toArray();
    int swap = site.operands.size() > 3 ? site.source(site.operands.get(3), type) : -1;
    site.ignore("noftz");
    site.ignoreStarting("L2::");
    site.touches(space, type.bytes);
    Lanes.Three function = function(site, type);
    int to = place == 0 ? -1 : site.target(site.operands.get(0), type);
    Access access = new Access(address, space, type.bytes, values.length, order);
    return new Update(access, to, values, swap, type, function);
  }

  /** Returns what is stored, from what is there and one or two operands. */
  private static Lanes.Three function(Site site, Type type) {
    String op = site.oneOf("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec");
    return switch (op) {
      case "add" -> type.isFloat() ? addFloats(site, type) : (old, a, b) -> old + a & type.mask;
      case "min" -> {
        Comparator<Long> order = order(site, type);
        yield (old, a, b) -> order.compare(old, a) <= 0 ? old : a;
      }
      case "max" -> {
        Comparator<Long> order = order(site, type);
        yield (old, a, b) -> order.compare(old, a) >= 0 ? old : a;
      }
      case "and" -> (old, a, b) -> old & a;
      case "or" -> (old, a, b) -> old | a;
      case "xor" -> (old, a, b) -> old ^ a;
      case "exch" -> (old, a, b) -> a;
      case "cas" -> (old, compared, a) -> old == compared ? a : old;
      case "inc" -> (old, a, b) -> Long.compareUnsigned(old, a) >= 0 ? 0 : old + 1;
      case "dec" -> (old, a, b) -> old == 0 || Long.compareUnsigned(old, a) > 0 ? a : old - 1;
      default -> throw site.error("the operation is not supported");
    };
  }

  private static Comparator<Long> order(Site site, Type type) {
    if (type.isFloat() || type.kind == Type.Kind.BITS) {
      throw site.error("needs integers with or without a sign");
    }
    return type.isSigned()
        ? (a, b) -> Long.compare(type.widen(a), type.widen(b))
        : Long::compareUnsigned;
  }

  private static Lanes.Three addFloats(Site site, Type type) {
    return switch (type) {
      case F32 -> (old, a, b) -> Floats.bits(Floats.f32(old) + Floats.f32(a));
      case F64 -> (old, a, b) -> Floats.bits(Floats.f64(old) + Floats.f64(a));
      default -> {
        Format format = Format.of(site, type);
        Lanes.Two one =
            (x, y) -> format.pack(Floats.fmaToOdd(format.unpack(x), 1, format.unpack(y)));
        yield type.bits == 16
            ? (old, a, b) -> one.of(old, a)
            : (old, a, b) -> one.of(old & 0xFFFF, a & 0xFFFF) | one.of(old >>> 16, a >>> 16) << 16;
      }
    };
  }
}
