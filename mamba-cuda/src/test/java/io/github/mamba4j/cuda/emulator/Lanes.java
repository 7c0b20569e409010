package io.github.mamba4j.cuda.emulator;

/** Instructions that compute each lane's result from its own operands. */
final class Lanes {
  private Lanes() {}

  /** A function of the bits of one operand; bits above the result's width are dropped. */
  interface One {
    long of(long a);
  }

  /** A function of the bits of two operands. */
  interface Two {
    long of(long a, long b);
  }

  /** A function of the bits of three operands. */
  interface Three {
    long of(long a, long b, long c);
  }

  /** Applies a function of one operand. */
  static final class Unary extends Instruction {
    private final int to;
    private final int a;
    private final long mask;
    private final One function;

    Unary(int to, int a, long mask, One function) {
      this.to = to;
      this.a = a;
      this.mask = mask;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] x = warp.r[a];
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        y[i] = function.of(x[i]) & mask;
      }
    }
  }

  /** Applies a function of two operands. */
  static final class Binary extends Instruction {
    private final int to;
    private final int a;
    private final int b;
    private final long mask;
    private final Two function;

    Binary(int to, int a, int b, long mask, Two function) {
      this.to = to;
      this.a = a;
      this.b = b;
      this.mask = mask;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] left = warp.r[a];
      long[] right = warp.r[b];
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        y[i] = function.of(left[i], right[i]) & mask;
      }
    }
  }

  /** Applies a function of three operands. */
  static final class Ternary extends Instruction {
    private final int to;
    private final int[] from;
    private final long mask;
    private final Three function;

    Ternary(int to, int[] from, long mask, Three function) {
      this.to = to;
      this.from = from;
      this.mask = mask;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] a = warp.r[from[0]];
      long[] b = warp.r[from[1]];
      long[] c = warp.r[from[2]];
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        y[i] = function.of(a[i], b[i], c[i]) & mask;
      }
    }
  }

  /** Decodes "op d, a". */
  static Instruction unary(Site site, Type to, Type from, One function) {
    site.expectOperands(2, 2);
    int a = site.source(site.operands.get(1), from);
    return new Unary(site.target(site.operands.get(0), to), a, to.mask, function);
  }

  /** Decodes "op d, a, b" where a type goes for all. */
  static Instruction binary(Site site, Type type, Two function) {
    return binary(site, type, type, type, function);
  }

  /** Decodes "op d, a, b". */
  static Instruction binary(Site site, Type to, Type left, Type right, Two function) {
    site.expectOperands(3, 3);
    int a = site.source(site.operands.get(1), left);
    int b = site.source(site.operands.get(2), right);
    return new Binary(site.target(site.operands.get(0), to), a, b, to.mask, function);
  }

  /** Decodes "op d, a, b, c". */
  static Instruction ternary(Site site, Type to, Type factors, Type last, Three function) {
    site.expectOperands(4, 4);
    int[] from = {
      site.source(site.operands.get(1), factors),
      site.source(site.operands.get(2), factors),
      site.source(site.operands.get(3), last)
    };
    return new Ternary(site.target(site.operands.get(0), to), from, to.mask, function);
  }
}
