package io.github.mamba4j.cuda.emulator;

import java.util.List;
import java.util.Map;

/** Products of small matrices whose elements are spread over a warp, and loads of such matrices. */
final class TensorOps {
  private static final int ROWS = 16;
  private static final int COLUMNS = 8;

  private TensorOps() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("mma", TensorOps::multiply);
    decoders.put("ldmatrix", TensorOps::load);
    decoders.put("stmatrix", TensorOps::store);
    decoders.put("movmatrix", TensorOps::turn);
  }

  private static int[] registers(Site site, int operand, int count, Type type, boolean written) {
    List<String> names = Site.elements(site.operands.get(operand));
    if (names.size() != count) {
      throw site.error("operand " + operand + " needs " + count + " registers");
    }
    return names.stream()
        .mapToInt(name -> written ? site.target(name, type) : site.source(name, type))
        .toArray();
  }

  private static Instruction multiply(Site site) {
    site.expectOperands(4, 4);
    if (!site.has("sync") || !site.has("aligned") || !site.has("row") || !site.has("col")) {
      throw site.error("is supported as mma.sync.aligned with .row.col");
    }
    String shape = site.oneOf("m16n8k16", "m16n8k8", "m16n8k4");
    List<Type> types = site.types();
    if (shape.isEmpty()
        || types.size() != 4
        || types.get(0) != Type.F32
        || site.type() != Type.F32) {
      throw site.error("is supported for 16 x 8 results of .f32");
    }
    Type type = types.get(1);
    if (types.get(2) != type) {
      throw site.error("the factors have different types");
    }
    int depth = Integer.parseInt(shape.substring("m16n8k".length()));
    int perRegister = type == Type.TF32 ? 1 : 2;
    boolean known =
        type == Type.TF32 ? depth <= 8 : (type == Type.F16 || type == Type.BF16) && depth >= 8;
    if (!known) {
      throw site.error("is not supported for this type and shape");
    }
    int groups = depth / (4 * perRegister);
    for (int i = 0; i < 4; i++) {
      Type exact = i == 0 || i == 3 ? Type.F32 : Type.B32;
      for (String name : Site.elements(site.operands.get(i))) {
        if (site.declared(name) != exact) {
          throw site.error("'" + name + "' is not of type ." + exact);
        }
      }
    }
    int[] c = registers(site, 3, 4, Type.F32, false);
    int[] a = registers(site, 1, 2 * groups, Type.B32, false);
    int[] b = registers(site, 2, groups, Type.B32, false);
    int[] d = registers(site, 0, 4, Type.F32, true);
    return new Multiply(type, new int[][] {d, a, b, c}, depth);
  }

  /** d = a·b + c; products are exact, sums are rounded once. */
  private static final class Multiply extends Instruction {
    private final Type type;
    private final int[] to;
    private final int[] left;
    private final int[] right;
    private final int[] added;
    private final int depth;
    private final double[] a;
    private final double[] b;
    private final double[] sums = new double[ROWS * COLUMNS];

    Multiply(Type type, int[][] registers, int depth) {
      this.type = type;
      this.to = registers[0];
      this.left = registers[1];
      this.right = registers[2];
      this.added = registers[3];
      this.depth = depth;
      this.a = new double[ROWS * depth];
      this.b = new double[depth * COLUMNS];
    }

    /** Unpacks one or two neighbours along the depth. */
    private void unpack(long bits, double[] into, int at, int step) {
      if (type == Type.TF32) {
        into[at] = Floats.tf32(bits);
        return;
      }
      boolean half = type == Type.F16;
      into[at] = half ? Floats.f16(bits) : Floats.bf16(bits);
      into[at + step] = half ? Floats.f16(bits >>> 16) : Floats.bf16(bits >>> 16);
    }

    /** Brings both factors and the sum into rows. */
    private void collect(Warp warp) {
      int width = type == Type.TF32 ? 1 : 2;
      for (int lane = 0; lane < Warp.LANES; lane++) {
        int row = lane >> 2;
        int k = (lane & 3) * width;
        for (int i = 0; i < left.length; i++) {
          int at = (row + 8 * (i & 1)) * depth + k + 4 * width * (i >> 1);
          unpack(warp.r[left[i]][lane], a, at, 1);
        }
        for (int i = 0; i < right.length; i++) {
          unpack(warp.r[right[i]][lane], b, (k + 4 * width * i) * COLUMNS + row, COLUMNS);
        }
      }
    }

    /** Returns the place of one of a lane's four results. */
    private static int place(int lane, int i) {
      return ((lane >> 2) + 8 * (i >> 1)) * COLUMNS + (lane & 3) * 2 + (i & 1);
    }

    @Override
    void run(Warp warp, int lanes) {
      warp.demandAll(lanes);
      collect(warp);
      for (int row = 0; row < ROWS; row++) {
        multiplyRow(row);
      }
      for (int lane = 0; lane < Warp.LANES; lane++) {
        for (int i = 0; i < to.length; i++) {
          float before = Floats.f32(warp.r[added[i]][lane]);
          warp.r[to[i]][lane] = Floats.bits((float) (sums[place(lane, i)] + before));
        }
      }
    }

    /** Sums a row's products; eight sums at a time hide how long each addition takes. */
    private void multiplyRow(int row) {
      double s0 = 0;
      double s1 = 0;
      double s2 = 0;
      double s3 = 0;
      double s4 = 0;
      double s5 = 0;
      double s6 = 0;
      double s7 = 0;
      for (int k = 0; k < depth; k++) {
        double x = a[row * depth + k];
        int at = k * COLUMNS;
        s0 += x * b[at];
        s1 += x * b[at + 1];
        s2 += x * b[at + 2];
        s3 += x * b[at + 3];
        s4 += x * b[at + 4];
        s5 += x * b[at + 5];
        s6 += x * b[at + 6];
        s7 += x * b[at + 7];
      }
      int at = row * COLUMNS;
      sums[at] = s0;
      sums[at + 1] = s1;
      sums[at + 2] = s2;
      sums[at + 3] = s3;
      sums[at + 4] = s4;
      sums[at + 5] = s5;
      sums[at + 6] = s6;
      sums[at + 7] = s7;
    }
  }

  private static int matrices(Site site) {
    String count = site.oneOf("x1", "x2", "x4");
    if (count.isEmpty()
        || !site.has("sync")
        || !site.has("aligned")
        || !site.has("m8n8")
        || site.type() != Type.B16) {
      throw site.error("is supported for one, two or four m8n8 matrices of .b16");
    }
    if (!site.has("shared") && !site.has("shared::cta")) {
      throw site.error("is supported for .shared only");
    }
    site.expectOperands(2, 2);
    site.touches(Space.SHARED, 4);
    return count.charAt(1) - '0';
  }

  private static Instruction load(Site site) {
    int count = matrices(site);
    boolean transposes = site.has("trans");
    Site.Address address = site.address(site.operands.get(1));
    return new Matrices(address, registers(site, 0, count, Type.B32, true), transposes, true);
  }

  private static Instruction store(Site site) {
    int count = matrices(site);
    boolean transposes = site.has("trans");
    Site.Address address = site.address(site.operands.get(0));
    return new Matrices(address, registers(site, 1, count, Type.B32, false), transposes, false);
  }

  private static Instruction turn(Site site) {
    if (!site.has("sync")
        || !site.has("aligned")
        || !site.has("m8n8")
        || !site.has("trans")
        || site.type() != Type.B16) {
      throw site.error("is supported as movmatrix.sync.aligned.m8n8.trans.b16");
    }
    site.expectOperands(2, 2);
    return new Turn(
        registers(site, 0, 1, Type.B32, true)[0], registers(site, 1, 1, Type.B32, false)[0]);
  }

  /** Turns a matrix of 8 x 8 halves around, two neighbours of a row a lane. */
  private static final class Turn extends Instruction {
    private final int to;
    private final int from;

    Turn(int to, int from) {
      this.to = to;
      this.from = from;
    }

    private static long half(long[] values, int row, int column) {
      return values[row * 4 + column / 2] >>> (16 * (column & 1)) & 0xFFFF;
    }

    @Override
    void run(Warp warp, int lanes) {
      warp.demandAll(lanes);
      long[] values = warp.r[from].clone();
      for (int lane = 0; lane < Warp.LANES; lane++) {
        int turned = lane >> 2;
        int first = (lane & 3) * 2;
        warp.r[to][lane] = half(values, first, turned) | half(values, first + 1, turned) << 16;
      }
    }
  }

  /** Moves matrices of 8 x 8 halves between shared memory, a row a lane, and a warp's registers. */
  private static final class Matrices extends Instruction {
    private static final int SIDE = 8;
    private static final int ROW_BYTES = 16;

    private final int register;
    private final long offset;
    private final int[] registers;
    private final boolean transposes;
    private final boolean loads;
    private final long[] halves = new long[SIDE * SIDE];
    private final long[] pair = new long[2];

    Matrices(Site.Address address, int[] registers, boolean transposes, boolean loads) {
      this.register = address.register();
      this.offset = address.offset();
      this.registers = registers;
      this.transposes = transposes;
      this.loads = loads;
    }

    @Override
    void run(Warp warp, int lanes) {
      warp.demandAll(lanes);
      long[] addresses = warp.r[register].clone();
      warp.block.beginStore();
      for (int m = 0; m < registers.length; m++) {
        if (loads) {
          rows(warp, addresses, m);
        }
        long[] values = warp.r[registers[m]];
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int first = place(lane, 0);
          int second = place(lane, 1);
          if (loads) {
            values[lane] = halves[first] | halves[second] << 16;
          } else {
            halves[first] = values[lane] & 0xFFFF;
            halves[second] = values[lane] >>> 16;
          }
        }
        if (!loads) {
          rows(warp, addresses, m);
        }
      }
    }

    /** Returns where one of the two halves of a lane lies in the matrix. */
    private int place(int lane, int half) {
      int row = lane >> 2;
      int column = (lane & 3) * 2 + half;
      return transposes ? column * SIDE + row : row * SIDE + column;
    }

    private void rows(Warp warp, long[] addresses, int matrix) {
      SharedMemory shared = warp.block.shared;
      for (int row = 0; row < SIDE; row++) {
        int lane = matrix * SIDE + row;
        long address = addresses[lane] + offset;
        for (int i = 0; i < 2 && !loads; i++) {
          int at = row * SIDE + 4 * i;
          pair[i] = halves[at] | halves[at + 1] << 16 | halves[at + 2] << 32 | halves[at + 3] << 48;
        }
        int offset =
            loads
                ? shared.reading(warp, lane, address, ROW_BYTES)
                : shared.writing(warp, lane, address, ROW_BYTES, pair, 2);
        for (int i = 0; i < 2; i++) {
          if (loads) {
            long four = shared.get(offset + 8 * i, 8);
            for (int k = 0; k < 4; k++) {
              halves[row * SIDE + 4 * i + k] = four >>> (16 * k) & 0xFFFF;
            }
          } else {
            shared.set(offset + 8 * i, 8, pair[i]);
          }
        }
      }
    }
  }
}
