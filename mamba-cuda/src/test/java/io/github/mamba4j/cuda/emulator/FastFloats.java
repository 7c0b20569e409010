package io.github.mamba4j.cuda.emulator;

import org.jspecify.annotations.Nullable;

/** The commonest instructions of floats, each with a loop of its own, for speed. */
final class FastFloats {
  private FastFloats() {}

  /** d = a·b + c, rounded once. */
  private static final class Fma extends Instruction {
    private final int to;
    private final int[] from;

    Fma(int to, int[] from) {
      this.to = to;
      this.from = from;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] a = warp.r[from[0]];
      long[] b = warp.r[from[1]];
      long[] c = warp.r[from[2]];
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = Floats.bits(Math.fma(Floats.f32(a[i]), Floats.f32(b[i]), Floats.f32(c[i])));
        }
      }
    }
  }

  /** d = a + b or a - b. */
  private static final class Sum extends Instruction {
    private final int to;
    private final int a;
    private final int b;
    private final long sign;

    Sum(int to, int a, int b, boolean subtracts) {
      this.to = to;
      this.a = a;
      this.b = b;
      this.sign = subtracts ? 1L << 31 : 0;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] left = warp.r[a];
      long[] right = warp.r[b];
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = Floats.bits(Floats.f32(left[i]) + Floats.f32(right[i] ^ sign));
        }
      }
    }
  }

  /** d = a·b. */
  private static final class Product extends Instruction {
    private final int to;
    private final int a;
    private final int b;

    Product(int to, int a, int b) {
      this.to = to;
      this.a = a;
      this.b = b;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] left = warp.r[a];
      long[] right = warp.r[b];
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = Floats.bits(Floats.f32(left[i]) * Floats.f32(right[i]));
        }
      }
    }
  }

  private static boolean isPlain(Site site, Type type) {
    return type == Type.F32 && !site.has("ftz") && !site.has("sat") && !site.has("rz");
  }

  /** Returns the sum or product of two floats, or null if it is none or not a plain one. */
  static @Nullable Instruction two(Site site, Type type) {
    if (!isPlain(site, type) || !site.op.matches("add|sub|mul")) {
      return null;
    }
    site.ignore("rn");
    site.expectOperands(3, 3);
    int a = site.source(site.operands.get(1), type);
    int b = site.source(site.operands.get(2), type);
    int to = site.target(site.operands.get(0), type);
    return site.op.equals("mul") ? new Product(to, a, b) : new Sum(to, a, b, site.op.equals("sub"));
  }

  /** Returns the fused product and sum of floats, or null if it is not a plain one. */
  static @Nullable Instruction fma(Site site, Type type) {
    if (!isPlain(site, type) || !site.has("rn")) {
      return null;
    }
    site.expectOperands(4, 4);
    int[] from = {
      site.source(site.operands.get(1), type),
      site.source(site.operands.get(2), type),
      site.source(site.operands.get(3), type)
    };
    return new Fma(site.target(site.operands.get(0), type), from);
  }
}
