package io.github.mamba4j.cuda.emulator;

import org.jspecify.annotations.Nullable;

/** The commonest instructions of integers and bits, each with a loop of its own, for speed. */
final class FastIntegers {
  private FastIntegers() {}

  /** d = a + b. */
  private static final class Sum extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = (a[i] + b[i]) & mask;
        }
      }
    }
  }

  /** d = a - b. */
  private static final class Difference extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = (a[i] - b[i]) & mask;
        }
      }
    }
  }

  /** d = a·b, the lower half, or all of it. */
  private static final class Product extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = (a[i] * b[i]) & mask;
        }
      }
    }
  }

  /** d = a and b. */
  private static final class And extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = a[i] & b[i];
        }
      }
    }
  }

  /** d = a or b. */
  private static final class Or extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = a[i] | b[i];
        }
      }
    }
  }

  /** d = a or b, but not both. */
  private static final class Xor extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = a[i] ^ b[i];
        }
      }
    }
  }

  /** d = a, b places to the left. */
  private static final class Left extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = b[i] > 63 ? 0 : (a[i] << b[i]) & mask;
        }
      }
    }
  }

  /** d = a, b places to the right. */
  private static final class Right extends Operation {
    @Override
    void run(long[] y, long[] a, long[] b, int lanes) {
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = b[i] > 63 ? 0 : a[i] >>> b[i];
        }
      }
    }
  }

  /** An instruction of two operands. */
  private abstract static class Operation extends Instruction {
    private int to;
    private int left;
    private int right;

    /** The bits of the result. */
    long mask;

    abstract void run(long[] y, long[] a, long[] b, int lanes);

    @Override
    final void run(Warp warp, int lanes) {
      run(warp.r[to], warp.r[left], warp.r[right], lanes);
    }
  }

  /** d = a·b + c, the lower half, or all of it. */
  private static final class ProductAndSum extends Instruction {
    private final int to;
    private final int[] from;
    private final long mask;

    ProductAndSum(int to, int[] from, long mask) {
      this.to = to;
      this.from = from;
      this.mask = mask;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] a = warp.r[from[0]];
      long[] b = warp.r[from[1]];
      long[] c = warp.r[from[2]];
      for (int i = 0; i < Warp.LANES; i++) {
        if ((lanes >>> i & 1) != 0) {
          y[i] = (a[i] * b[i] + c[i]) & mask;
        }
      }
    }
  }

  private static @Nullable Operation operation(Site site, Type type, String part) {
    // Wide products need the sign; the lower half does not.
    boolean plainProduct = part.equals("lo") || (part.equals("wide") && !type.isSigned());
    return switch (site.op) {
      case "add" -> new Sum();
      case "sub" -> new Difference();
      case "mul" -> plainProduct ? new Product() : null;
      case "and" -> new And();
      case "or" -> new Or();
      case "xor" -> new Xor();
      case "shl" -> new Left();
      case "shr" -> type.isSigned() ? null : new Right();
      default -> null;
    };
  }

  /** Returns the instruction of two operands, or null if there is no loop for it here. */
  static @Nullable Instruction two(Site site, Type to, Type left, Type right, String part) {
    if (!left.isInteger()) {
      return null;
    }
    Operation operation = operation(site, left, part);
    if (operation == null) {
      return null;
    }
    site.expectOperands(3, 3);
    operation.left = site.source(site.operands.get(1), left);
    operation.right = site.source(site.operands.get(2), right);
    operation.to = site.target(site.operands.get(0), to);
    operation.mask = to.mask;
    return operation;
  }

  /** Returns the product and sum, or null if there is no loop for it here. */
  static @Nullable Instruction three(Site site, Type to, Type type, String part) {
    boolean plain = part.equals("lo") || (part.equals("wide") && !type.isSigned());
    if (!plain || !site.op.equals("mad")) {
      return null;
    }
    site.expectOperands(4, 4);
    int[] from = {
      site.source(site.operands.get(1), type),
      site.source(site.operands.get(2), type),
      site.source(site.operands.get(3), to)
    };
    return new ProductAndSum(site.target(site.operands.get(0), to), from, to.mask);
  }
}
