package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small matrices: products against sums in double, and loads in and out of registers. */
class EmulatorTensorTest {
  private static final int ROWS = 16;
  private static final int COLUMNS = 8;

  /**
   * Loads a's rows and b's columns, both of a depth, element by element, and stores the product.
   */
  private static String product(String type, int depth) {
    boolean wide = type.equals("tf32");
    int bytes = wide ? 4 : 2;
    int each = 4 / bytes;
    int groups = depth / (4 * each);
    StringBuilder text = new StringBuilder(HEAD.replace("STEP", "" + depth * bytes));
    StringBuilder a = new StringBuilder();
    StringBuilder b = new StringBuilder();
    for (int i = 0; i < 2 * groups; i++) {
      int offset = (i & 1) * 8 * depth * bytes + (i >> 1) * 16;
      text.append("ld.global.b32 %a" + i + ", [%from+" + offset + "];\n");
      a.append(i == 0 ? "" : ",").append("%a" + i);
    }
    for (int i = 0; i < groups; i++) {
      text.append("ld.global.b32 %b" + i + ", [%right+" + 16 * i + "];\n");
      b.append(i == 0 ? "" : ",").append("%b" + i);
    }
    text.append("mma.sync.aligned.m16n8k" + depth + ".row.col.f32.TYPE.TYPE.f32 ");
    text.append("{%d0,%d1,%d2,%d3}, {" + a + "}, {" + b + "}, {%c0,%c1,%c2,%c3};\n");
    text.append("st.global.v2.f32 [%to], {%d0,%d1}; st.global.v2.f32 [%to+256], {%d2,%d3}; ret; }");
    return text.toString().replace("TYPE", type);
  }

  private static final String HEAD =
      """
      .visible .entry product(.param .u64 a, .param .u64 b, .param .u64 c)
      {
        .reg .u32 %lane, %row, %k, %at;
        .reg .u64 %from, %right, %to, %wide;
        .reg .b32 %a<4>, %b<2>;
        .reg .f32 %c<4>, %d<4>;
        ld.param.u64 %from, [a];
        ld.param.u64 %right, [b];
        ld.param.u64 %to, [c];
        mov.u32 %lane, %laneid;
        shr.u32 %row, %lane, 2;
        and.b32 %k, %lane, 3;
        mul.lo.u32 %at, %row, STEP;
        mad.lo.u32 %at, %k, 4, %at;
        cvt.u64.u32 %wide, %at;
        add.u64 %from, %from, %wide;
        add.u64 %right, %right, %wide;
        mul.wide.u32 %wide, %lane, 8;
        add.u64 %to, %to, %wide;
        ld.global.v2.f32 {%c0, %c1}, [%to];
        ld.global.v2.f32 {%c2, %c3}, [%to+256];
      """;

  private static double stored(String type, MemorySegment segment, int index, double value) {
    float rounded = (float) value;
    if (type.equals("tf32")) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, rounded);
      return Floats.tf32(Floats.bits(rounded));
    }
    Format format = type.equals("f16") ? Format.F16 : Format.BF16;
    long bits = format.pack(rounded);
    segment.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) bits);
    return format.unpack(bits);
  }

  private static double[] fill(String type, MemorySegment segment, int count, Random random) {
    return IntStream.range(0, count)
        .mapToDouble(i -> stored(type, segment, i, random.nextGaussian()))
        .toArray();
  }

  @ParameterizedTest
  @CsvSource({"bf16, 16", "bf16, 8", "f16, 16", "f16, 8", "tf32, 8", "tf32, 4"})
  void mma_anyTypeAndDepth_isTheProductPlusWhatWas(String type, int depth) {
    Random random = new Random(depth);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment left = arena.allocate(1024, 16);
      MemorySegment right = arena.allocate(1024, 16);
      MemorySegment out = arena.allocate(4L * ROWS * COLUMNS, 16);
      double[] a = fill(type, left, ROWS * depth, random);
      double[] b = fill(type, right, COLUMNS * depth, random);
      double[] c = new double[ROWS * COLUMNS];
      for (int i = 0; i < c.length; i++) {
        out.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
        c[i] = i;
      }
      ByteBuffer parameters = ByteBuffer.allocate(24).order(ByteOrder.nativeOrder());
      parameters.putLong(left.address()).putLong(right.address()).putLong(out.address());
      EmulatedMemory memory = new EmulatedMemory();
      memory.register(left);
      memory.register(right);
      memory.register(out);
      int[] one = {1, 1, 1};
      PtxProgram.parse(product(type, depth))
          .launch("product", one, new int[] {32, 1, 1}, 0, parameters, memory);
      for (int i = 0; i < c.length; i++) {
        double sum = c[i];
        for (int k = 0; k < depth; k++) {
          sum += a[i / COLUMNS * depth + k] * b[i % COLUMNS * depth + k];
        }
        assertThat((double) out.getAtIndex(ValueLayout.JAVA_FLOAT, i)).isCloseTo(sum, within(1e-5));
      }
    }
  }

  /** Fills a shared matrix of halves with their numbers, 16 in a row, and gives each lane a row. */
  private static final String NUMBERS =
      """
      { .reg .u32 row, place; .shared .align 16 .b16 halves[512];
      mov.u32 place, halves;
      mad.lo.u32 row, %i, 32, place;
      shl.b32 %a0, %i, 4;
      """
          + IntStream.range(0, 16)
              .mapToObj(i ->
                  "add.u32 %a1, %a0, # ; cvt.u16.u32 %ho, %a1; st.shared.b16 [row+@], %ho;\n"
                      .replace("#", "" + i)
                      .replace("@", "" + 2 * i))
              .reduce("", String::concat)
          + "bar.sync 0; mov.b16 %ho, 0;\n";

  @Test
  void ldmatrix_four_givesEachLaneTwoNeighboursOfARow() {
    Snippet snippet =
        Snippet.of(
            NUMBERS, "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%a0,%a1,%a2,%ro}, [row+16]; }");
    long[] out = snippet.run(32);
    for (int lane = 0; lane < 32; lane++) {
      long first = (24L + lane / 4) * 16 + 8 + lane % 4 * 2L;
      assertThat(out[lane]).isEqualTo(first | (first + 1) << 16);
    }
  }

  @Test
  void ldmatrix_transposed_givesEachLaneTwoNeighboursOfAColumn() {
    Snippet snippet =
        Snippet.of(NUMBERS, "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%a0,%ro}, [row]; }");
    long[] out = snippet.run(32);
    for (int lane = 0; lane < 32; lane++) {
      long first = (8 + lane % 4 * 2L) * 16 + lane / 4;
      assertThat(out[lane]).isEqualTo(first | (first + 16) << 16);
    }
  }

  @Test
  void movmatrix_ofRows_givesColumns() {
    Snippet snippet =
        Snippet.of(
            NUMBERS,
            "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%a0}, [row];",
            "movmatrix.sync.aligned.m8n8.trans.b16 %ro, %a0; }");
    long[] out = snippet.run(32);
    for (int lane = 0; lane < 32; lane++) {
      long first = lane % 4 * 2L * 16 + lane / 4;
      assertThat(out[lane]).isEqualTo(first | (first + 16) << 16);
    }
  }

  @Test
  void stmatrix_transposed_undoesALoad() {
    Snippet snippet =
        Snippet.of(
            NUMBERS,
            "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%a0}, [row];",
            "stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [row], {%a0};",
            "ld.shared.u16 %ho, [row+6]; }");
    assertThat(snippet.run(32)).startsWith(48, 49, 50, 51).endsWith(31 * 16 + 3);
  }
}
