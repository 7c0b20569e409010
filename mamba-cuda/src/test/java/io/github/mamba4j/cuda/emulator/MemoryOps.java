package io.github.mamba4j.cuda.emulator;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/** Loads, stores and asynchronous copies. */
final class MemoryOps {
  /** Where shared memory lies among generic addresses. */
  static final long SHARED_WINDOW = 1L << 60;

  private MemoryOps() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("ld", MemoryOps::load);
    decoders.put("ldu", MemoryOps::load);
    decoders.put("st", MemoryOps::store);
    decoders.put("cp", MemoryOps::copy);
    decoders.put("prefetch", MemoryOps::nothing);
    decoders.put("prefetchu", MemoryOps::nothing);
    decoders.put("createpolicy", MemoryOps::policy);
  }

  private static Instruction nothing(Site site) {
    site.ignore("global", "local", "L1", "L2");
    site.address(site.operands.get(0));
    return new Nothing();
  }

  /** What is to become of lines in a cache: some number, which only hints read. */
  private static Instruction policy(Site site) {
    site.ignore("fractional");
    site.ignoreStarting("L2::");
    site.expectOperands(1, 2);
    return new Policy(site.target(site.operands.getFirst(), Type.B64));
  }

  /** Makes a policy. */
  private static final class Policy extends Instruction {
    private final int target;

    Policy(int target) {
      this.target = target;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        warp.r[target][Warp.lowest(rest)] = 1;
      }
    }
  }

  /**
   * Returns how many operands there are but for a policy, which an instruction with a hint ends
   * with.
   */
  static int operandsBeforeHint(Site site) {
    int count = site.operands.size();
    if (!site.has("L2::cache_hint")) {
      return count;
    }
    site.expectOperands(3, Integer.MAX_VALUE);
    site.source(site.operands.getLast(), Type.B64);
    return count - 1;
  }

  /** Checks how many operands there are but for a policy. */
  static void expectOperands(Site site, int count) {
    if (operandsBeforeHint(site) != count) {
      throw site.error("has " + site.operands.size() + " operands with its hint");
    }
  }

  /** Does nothing. */
  static final class Nothing extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      // Only what checks need has been decoded.
    }
  }

  /** How an access is ordered with those of other threads. */
  record Order(boolean strong, boolean acquires, boolean releases) {
    static Order of(Site site) {
      boolean acquires = site.has("acquire");
      boolean releases = site.has("release");
      if (site.has("acq_rel")) {
        acquires = true;
        releases = true;
      }
      boolean single = !site.oneOf("volatile", "relaxed").isEmpty();
      boolean strong = single || acquires || releases;
      site.ignore("cta", "cluster", "gpu", "sys");
      return new Order(strong, acquires, releases);
    }
  }

  static Space space(Site site, Site.Address address) {
    String name = site.oneOf("param", "global", "shared", "const", "shared::cta");
    Space space =
        switch (name) {
          case "param" -> Space.PARAM;
          case "shared", "shared::cta" -> Space.SHARED;
          case "global", "const" -> Space.GLOBAL;
          default -> Space.GENERIC;
        };
    boolean named = address.space() != Space.GENERIC;
    if (named && address.space() != space) {
      throw site.error("the address does not lie in this space");
    }
    if (space != Space.SHARED && address.bits() != 64) {
      throw site.error("the address has " + address.bits() + " bits, expected 64");
    }
    return space;
  }

  private static void ignoreCaching(Site site) {
    site.ignore("ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "weak");
    site.ignoreStarting("L1::");
    site.ignoreStarting("L2::");
  }

  private static int vector(Site site) {
    String width = site.oneOf("v2", "v4");
    return width.isEmpty() ? 1 : width.charAt(1) - '0';
  }

  private static Instruction load(Site site) {
    expectOperands(site, 2);
    Type type = site.type();
    Site.Address address = site.address(site.operands.get(1));
    Space space = space(site, address);
    Order order = Order.of(site);
    ignoreCaching(site);
    int count = vector(site);
    List<String> names = Site.elements(site.operands.get(0));
    if (names.size() != count || count * type.bytes > 16) {
      throw site.error("the registers do not fit the vector");
    }
    site.expectOneType(names);
    int[] targets = names.stream().mapToInt(name -> site.target(name, type, true)).toArray();
    long[] masks = new long[count];
    for (int i = 0; i < count; i++) {
      masks[i] = names.get(i).equals("_") ? -1 : site.declared(names.get(i)).mask;
    }
    if (space == Space.PARAM) {
      if (address.space() == Space.PARAM) {
        checkParameter(site, address, type, count);
      }
      return new LoadParameter(address, type, targets, masks);
    }
    site.touches(space, type.bytes);
    return new Load(new Access(address, space, type.bytes, count, order), type, targets, masks);
  }

  /** Demands that what is read by a parameter's name lies in that parameter. */
  private static void checkParameter(Site site, Site.Address address, Type type, int count) {
    long offset = site.constantValue(address.register());
    Entry.Parameter parameter = site.parameter(offset);
    long end = offset + address.offset() + (long) count * type.bytes;
    if (address.offset() < 0 || end > parameter.offset() + parameter.bytes()) {
      throw site.error("reads past the parameter '" + parameter.name() + "'");
    }
  }

  /** Reads parameters. */
  private static final class LoadParameter extends Instruction {
    private final Site.Address address;
    private final Type type;
    private final int[] targets;
    private final long[] masks;

    LoadParameter(Site.Address address, Type type, int[] targets, long[] masks) {
      this.address = address;
      this.type = type;
      this.targets = targets;
      this.masks = masks;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] places = warp.r[address.register()];
      // By its name, a parameter is read once for all lanes.
      int together = address.space() == Space.PARAM ? lanes : 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        read(warp, places[lane] + address.offset(), together == 0 ? 1 << lane : together);
        if (together != 0) {
          return;
        }
      }
    }

    private void read(Warp warp, long place, int lanes) {
      ByteBuffer parameters = warp.block.launch.parameters;
      int end = warp.block.launch.entry.parameterBytes();
      int aligned = targets.length * type.bytes;
      if (place < 0 || place + aligned > end || (place & (aligned - 1)) != 0) {
        throw warp.fault(
            Warp.lowest(lanes),
            "reads byte " + place + " of " + end + " bytes of parameters, or crookedly");
      }
      for (int k = 0; k < targets.length; k++) {
        long bits = 0;
        for (int i = type.bytes - 1; i >= 0; i--) {
          bits = bits << 8 | (parameters.get((int) place + k * type.bytes + i) & 0xFF);
        }
        long value = type.widen(bits) & masks[k];
        long[] target = warp.r[targets[k]];
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          target[Warp.lowest(rest)] = value;
        }
      }
    }
  }

  /** Reads memory. */
  private static final class Load extends Instruction {
    private final Access access;
    private final Type type;
    private final int[] targets;
    private final long[] masks;

    Load(Access access, Type type, int[] targets, long[] masks) {
      this.access = access;
      this.type = type;
      this.targets = targets;
      this.masks = masks;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] addresses = access.addresses(warp);
      long[] values = access.values;
      boolean signed = type.isSigned();
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        access.read(warp, lane, addresses[lane]);
        for (int k = 0; k < targets.length; k++) {
          long bits = values[k];
          warp.r[targets[k]][lane] = signed ? type.widen(bits) & masks[k] : bits;
        }
      }
    }
  }

  private static Instruction store(Site site) {
    expectOperands(site, 2);
    Type type = site.type();
    Site.Address address = site.address(site.operands.get(0));
    Space space = space(site, address);
    Order order = Order.of(site);
    ignoreCaching(site);
    int count = vector(site);
    List<String> names = Site.elements(site.operands.get(1));
    if (names.size() != count || count * type.bytes > 16 || space == Space.PARAM) {
      throw site.error("the registers do not fit the vector, or the space is not written to");
    }
    site.expectOneType(names);
    int[] sources = names.stream().mapToInt(name -> site.source(name, type, true)).toArray();
    site.touches(space, type.bytes);
    return new Store(new Access(address, space, type.bytes, count, order), type, sources);
  }

  /** Writes memory. */
  private static final class Store extends Instruction {
    private final Access access;
    private final Type type;
    private final int[] sources;

    Store(Access access, Type type, int[] sources) {
      this.access = access;
      this.type = type;
      this.sources = sources;
    }

    @Override
    void run(Warp warp, int lanes) {
      warp.block.beginStore();
      long[] addresses = access.addresses(warp);
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        for (int k = 0; k < sources.length; k++) {
          access.values[k] = warp.r[sources[k]][lane] & type.mask;
        }
        access.write(warp, lane, addresses[lane]);
      }
    }
  }

  private static Instruction copy(Site site) {
    if (!site.has("async")) {
      throw site.error("is supported as cp.async only");
    }
    if (site.has("commit_group")) {
      site.expectOperands(0, 0);
      return new Commit();
    }
    if (site.has("wait_all")) {
      site.expectOperands(0, 0);
      return new Await(-1);
    }
    if (site.has("wait_group")) {
      site.expectOperands(1, 1);
      return new Await(site.immediate(site.operands.get(0)));
    }
    return site.has("bulk") ? BulkCopies.copy(site) : AsyncCopy.decode(site);
  }

  /** Makes a group of the copies that were begun. */
  private static final class Commit extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      warp.copies.commit(lanes);
    }
  }

  /** Waits until only some groups of copies may still run. */
  private static final class Await extends Instruction {
    private final int groups;

    Await(int groups) {
      this.groups = groups;
    }

    @Override
    void run(Warp warp, int lanes) {
      if (groups < 0) {
        warp.copies.awaitAll(warp, lanes);
      } else {
        warp.copies.await(warp, lanes, groups);
      }
    }
  }
}
