package io.github.mamba4j.cuda.emulator;

import static io.github.mamba4j.cuda.emulator.Snippet.eval;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Results of the instructions that each lane runs for itself; operands and results are in hex. */
class EmulatorArithmeticTest {
  private static long hex(String text) {
    return text == null ? 0 : Long.parseUnsignedLong(text.replace("_", ""), 16);
  }

  private static long bits(double value) {
    return Floats.bits((float) value);
  }

  private static float f32(long bits) {
    return Floats.f32(bits);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "add.u32 %ro, %r0, %r1 | ffffffff | 2 | 0 | 1",
        "add.s64 %do, %d0, %d1 | ffffffffffffffff | 2 | 0 | 1",
        "add.u16 %ho, %h0, %h1 | ffff | 2 | 0 | 1",
        "sub.s32 %ro, %r0, %r1 | 1 | 2 | 0 | ffffffff",
        "mul.lo.s32 %ro, %r0, %r1 | ffffffff | 7 | 0 | fffffff9",
        "mul.hi.s32 %ro, %r0, %r1 | ffffffff | 7 | 0 | ffffffff",
        "mul.hi.u32 %ro, %r0, %r1 | ffffffff | 7 | 0 | 6",
        "mul.hi.u64 %do, %d0, %d1 | ffffffffffffffff | 7 | 0 | 6",
        "mul.wide.s32 %do, %r0, %r1 | ffffffff | 7 | 0 | fffffffffffffff9",
        "mul.wide.u32 %do, %r0, 16 | ffffffff | 0 | 0 | ffffffff0",
        "mul.wide.u16 %ro, %h0, %h1 | ffff | ffff | 0 | fffe0001",
        "mad.lo.u32 %ro, %r0, %r1, %r2 | 5 | 7 | 100 | 123",
        "mad.wide.s32 %do, %r0, %r1, %d2 | ffffffff | 7 | 8 | 1",
        "mad.hi.u32 %ro, %r0, %r1, %r2 | ffffffff | 7 | 1 | 7",
        "div.u32 %ro, %r0, %r1 | fffffffe | 2 | 0 | 7fffffff",
        "div.s32 %ro, %r0, %r1 | fffffffe | 2 | 0 | ffffffff",
        "rem.s32 %ro, %r0, %r1 | fffffff9 | 4 | 0 | fffffffd",
        "rem.u64 %do, %d0, %d1 | ffffffffffffffff | a | 0 | 5",
        "min.s32 %ro, %r0, %r1 | ffffffff | 1 | 0 | ffffffff",
        "min.u32 %ro, %r0, %r1 | ffffffff | 1 | 0 | 1",
        "max.s64 %do, %d0, %d1 | ffffffffffffffff | 1 | 0 | 1",
        "max.u16 %ho, %h0, %h1 | ffff | 1 | 0 | ffff",
        "neg.s32 %ro, %r0 | 1 | 0 | 0 | ffffffff",
        "abs.s32 %ro, %r0 | ffffffff | 0 | 0 | 1",
        "mul24.lo.u32 %ro, %r0, %r1 | ff000003 | 2 | 0 | 6",
      })
  void integers_extremeOperands_areCutToTheirWidth(
      String instruction, String a, String b, String c, String expected) {
    assertThat(eval(instruction + ";", hex(a), hex(b), hex(c))).isEqualTo(hex(expected));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "and.b32 %ro, %r0, %r1 | ff00ff00 | f0f0f0f0 | 0 | f000f000",
        "or.b64 %do, %d0, %d1 | ff00 | f00000000 | 0 | f0000ff00",
        "xor.b16 %ho, %h0, %h1 | ffff | f0f0 | 0 | f0f",
        "not.b32 %ro, %r0 | ff00ff00 | 0 | 0 | ff00ff",
        "cnot.b32 %ro, %r0 | 0 | 0 | 0 | 1",
        "shl.b32 %ro, %r0, %r1 | 1 | 1f | 0 | 80000000",
        "shl.b32 %ro, %r0, %r1 | 1 | 20 | 0 | 0",
        "shl.b64 %do, %d0, 40 | 1 | 0 | 0 | 10000000000",
        "shr.u32 %ro, %r0, %r1 | 80000000 | 1f | 0 | 1",
        "shr.s32 %ro, %r0, %r1 | 80000000 | 40 | 0 | ffffffff",
        "shr.u32 %ro, %r0, %r1 | 80000000 | 20 | 0 | 0",
        "shf.l.wrap.b32 %ro, %r0, %r1, %r2 | 80000000 | 1 | 1 | 3",
        "shf.r.clamp.b32 %ro, %r0, %r1, %r2 | 1 | 5 | 20 | 5",
        "popc.b32 %ro, %r0 | f0f0 | 0 | 0 | 8",
        "popc.b64 %ro, %d0 | f0f00000f | 0 | 0 | c",
        "clz.b32 %ro, %r0 | 1 | 0 | 0 | 1f",
        "clz.b64 %ro, %d0 | 0 | 0 | 0 | 40",
        "brev.b32 %ro, %r0 | 1 | 0 | 0 | 80000000",
        "bfe.u32 %ro, %r0, 4, 8 | 12345678 | 0 | 0 | 67",
        "bfe.s32 %ro, %r0, 28, 8 | f2345678 | 0 | 0 | ffffffff",
        "bfe.s32 %ro, %r0, 4, 4 | 80 | 0 | 0 | fffffff8",
        "bfe.u64 %do, %d0, 60, 8 | f000000000000000 | 0 | 0 | f",
        "bfi.b32 %ro, %r0, %r1, 8, 8 | abcd | 11111111 | 0 | 1111cd11",
        "prmt.b32 %ro, %r0, %r1, 0x7610 | 33221100 | 77665544 | 0 | 77661100",
        "prmt.b32 %ro, %r0, %r1, 0x00b8 | 80221100 | 0 | 0 | ff00",
        "lop3.b32 %ro, %r0, %r1, %r2, 0x96 | f0 | cc | aa | 96",
        "lop3.b32 %ro, %r0, %r1, %r2, 0xe8 | f0 | cc | aa | e8",
        "mov.b32 {%ho, _}, %r0 | 12345678 | 0 | 0 | 5678",
        "mov.b32 %ro, {%h1, %h0} | 1234 | 5678 | 0 | 12345678",
        "mov.b64 %do, {%r1, %r0} | 1 | 2 | 0 | 100000002",
        "mov.b64 %do, {%h0, %h1, %h2, %h0} | 1 | 2 | 3 | 1000300020001",
        "mov.b64 {_, %ro}, %d0 | 500000000 | 0 | 0 | 5",
        "mov.u32 %ro, WARP_SZ | 0 | 0 | 0 | 20",
        "mov.b64 %do, -1 | 0 | 0 | 0 | ffffffffffffffff",
        "mov.f32 %ro, 1.5 | 0 | 0 | 0 | 3fc00000",
        "mov.f64 %do, 0d3FF8000000000000 | 0 | 0 | 0 | 3ff8000000000000",
      })
  void bits_movedAndCounted_areThoseOfTheManual(
      String instruction, String a, String b, String c, String expected) {
    assertThat(eval(instruction + ";", hex(a), hex(b), hex(c))).isEqualTo(hex(expected));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "add.f32 %ro, %r0, %r1 | 1 | 2.5 | 3.5",
        "add.rn.f32 %ro, %r0, %r1 | 16777216 | 1 | 16777216",
        "add.rz.f32 %ro, %r0, %r1 | 16777216 | 3 | 16777218",
        "sub.rn.f32 %ro, %r0, %r1 | 1 | 2.5 | -1.5",
        "mul.rn.f32 %ro, %r0, %r1 | -3 | 2.5 | -7.5",
        "mul.ftz.f32 %ro, %r0, %r1 | 1e-30 | 1e-10 | 0",
        "div.rn.f32 %ro, %r0, %r1 | 1 | 3 | 0.33333334",
        "div.full.f32 %ro, %r0, %r1 | 1 | 4 | 0.25",
        "div.approx.ftz.f32 %ro, %r0, %r1 | 1 | 4 | 0.25",
        "min.f32 %ro, %r0, %r1 | NaN | 2 | 2",
        "max.f32 %ro, %r0, %r1 | 3 | NaN | 3",
        "max.NaN.f32 %ro, %r0, %r1 | 3 | NaN | NaN",
        "min.f32 %ro, %r0, %r1 | 0 | -0.0 | -0.0",
        "add.sat.f32 %ro, %r0, %r1 | 3 | 4 | 1",
        "neg.f32 %ro, %r0 | 3 | 0 | -3",
        "abs.f32 %ro, %r0 | -3 | 0 | 3",
        "rcp.rn.f32 %ro, %r0 | 8 | 0 | 0.125",
        "rcp.approx.ftz.f32 %ro, %r0 | 0 | 0 | Infinity",
        "sqrt.rn.f32 %ro, %r0 | 2 | 0 | 1.4142135",
        "rsqrt.approx.f32 %ro, %r0 | 4 | 0 | 0.5",
        "ex2.approx.f32 %ro, %r0 | -3 | 0 | 0.125",
        "ex2.approx.ftz.f32 %ro, %r0 | 0.5 | 0 | 1.4142135",
        "ex2.approx.ftz.f32 %ro, %r0 | -140 | 0 | 0",
        "lg2.approx.f32 %ro, %r0 | 8 | 0 | 3",
        "lg2.approx.ftz.f32 %ro, %r0 | 0 | 0 | -Infinity",
        "tanh.approx.f32 %ro, %r0 | 0.5 | 0 | 0.46211717",
        "sin.approx.f32 %ro, %r0 | 1 | 0 | 0.84147096",
        "cos.approx.f32 %ro, %r0 | 0 | 0 | 1",
        "copysign.f32 %ro, %r0, %r1 | -1 | 5 | -5",
        "cvt.rni.f32.f32 %ro, %r0 | 2.5 | 0 | 2",
        "cvt.rmi.f32.f32 %ro, %r0 | -2.5 | 0 | -3",
        "cvt.rpi.f32.f32 %ro, %r0 | -2.5 | 0 | -2",
        "cvt.rzi.f32.f32 %ro, %r0 | -2.5 | 0 | -2",
        "cvt.sat.f32.f32 %ro, %r0 | 2.5 | 0 | 1",
        "selp.f32 %ro, %r0, %r1, %p0 | 1 | 2 | 2",
        "slct.f32.f32 %ro, %r0, %r1, %r1 | 1 | -2 | -2",
      })
  void floats_operations_areRoundedOnce(String instruction, float a, float b, float expected) {
    float result = f32(eval(instruction + ";", bits(a), bits(b)));
    assertThat(Float.floatToRawIntBits(result))
        .as("%s", result)
        .isEqualTo((int) Floats.bits(expected));
  }

  @Test
  void fma_productThatCancels_isNotRoundedBefore() {
    float a = 1 + 0x1p-12f;
    float product = a * a;
    long rest = eval("fma.rn.f32 %ro, %r0, %r0, %r1;", bits(a), bits(-product));
    assertThat(f32(rest)).isEqualTo(0x1p-24f);
    long wide = eval("fma.rn.f64 %do, %d0, %d0, %d1;", bits64(3), bits64(-8));
    assertThat(Floats.f64(wide)).isEqualTo(1);
  }

  private static long bits64(double value) {
    return Floats.bits(value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "add.f64 %do, %d0, %d1 | 1 | 1e-16 | 1",
        "mul.rn.f64 %do, %d0, %d1 | 3 | 0.5 | 1.5",
        "div.rn.f64 %do, %d0, %d1 | 1 | 3 | 0.3333333333333333",
        "sqrt.rn.f64 %do, %d0 | 2 | 0 | 1.4142135623730951",
        "max.f64 %do, %d0, %d1 | 2 | NaN | 2",
        "cvt.rmi.f64.f64 %do, %d0 | -0.5 | 0 | -1",
      })
  void doubles_operations_areThoseOfJava(String instruction, double a, double b, double expected) {
    assertThat(Floats.f64(eval(instruction + ";", bits64(a), bits64(b)))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fma.rn.bf16x2 %ro, %r0, %r1, %r2 | 3f803f80 | 40004040 | 3f803f80 | 40404080",
        "add.rn.f16x2 %ro, %r0, %r1 | 3c003c00 | 40004200 | 0 | 42004400",
        "sub.f16x2 %ro, %r0, %r1 | 3c003c00 | 40003c00 | 0 | bc000000",
        "mul.f16x2 %ro, %r0, %r1 | 40004000 | 40004200 | 0 | 44004600",
        "neg.bf16x2 %ro, %r0 | 3f80bf80 | 0 | 0 | bf803f80",
        "abs.f16x2 %ro, %r0 | bc003c00 | 0 | 0 | 3c003c00",
        "max.bf16x2 %ro, %r0, %r1 | 3f804040 | 40003f80 | 0 | 40004040",
        "ex2.approx.ftz.bf16x2 %ro, %r0 | 3f800000 | 0 | 0 | 40003f80",
        "ex2.approx.f16x2 %ro, %r0 | 3c00c000 | 0 | 0 | 40003400",
        "add.f16 %ho, %h0, %h1 | 3c00 | 3c00 | 0 | 4000",
        "fma.rn.f16 %ho, %h0, %h1, %h2 | 4000 | 4000 | 3c00 | 4500",
      })
  void halves_pairs_areComputedOneByOne(
      String instruction, String a, String b, String c, String expected) {
    assertThat(eval(instruction + ";", hex(a), hex(b), hex(c))).isEqualTo(hex(expected));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cvt.u64.u32 %do, %r0 | ffffffff | ffffffff",
        "cvt.s64.s32 %do, %r0 | ffffffff | ffffffffffffffff",
        "cvt.u32.u8 %ro, %r0 | 1ff | ff",
        "cvt.s32.s8 %ro, %r0 | 1ff | ffffffff",
        "cvt.s32.s16 %ro, %h0 | 8000 | ffff8000",
        "cvt.u16.u32 %ho, %r0 | 12345678 | 5678",
        "cvt.sat.u8.s32 %ro, %r0 | fffffff0 | 0",
        "cvt.sat.s8.s32 %ro, %r0 | 1000 | 7f",
        "cvt.sat.u32.s64 %ro, %d0 | 100000000 | ffffffff",
        "cvt.rn.f32.s32 %ro, %r0 | ffffffff | bf800000",
        "cvt.rn.f32.u32 %ro, %r0 | ffffffff | 4f800000",
        "cvt.rn.f32.u64 %ro, %d0 | ffffffffffffffff | 5f800000",
        "cvt.rn.f64.u32 %do, %r0 | ffffffff | 41efffffffe00000",
        "cvt.rzi.s32.f32 %ro, %r0 | c02ccccd | fffffffe",
        "cvt.rni.s32.f32 %ro, %r0 | 40200000 | 2",
        "cvt.rzi.u32.f32 %ro, %r0 | c02ccccd | 0",
        "cvt.rzi.s32.f32 %ro, %r0 | 7f800000 | 7fffffff",
        "cvt.rzi.s32.f32 %ro, %r0 | 7fffffff | 0",
        "cvt.rpi.s64.f64 %do, %d0 | 3ff8000000000000 | 2",
        "cvt.rzi.u64.f32 %do, %r0 | 5f400000 | c000000000000000",
        "cvt.f64.f32 %do, %r0 | 3fc00000 | 3ff8000000000000",
        "cvt.rn.f32.f64 %ro, %d0 | 3ff8000000000000 | 3fc00000",
        "cvt.rz.f32.f64 %ro, %d0 | 3fefffffffffffff | 3f7fffff",
        "cvt.f32.bf16 %ro, %h0 | 3fc0 | 3fc00000",
        "cvt.rn.bf16.f32 %ho, %r0 | 3f808000 | 3f80",
        "cvt.rn.bf16.f32 %ho, %r0 | 3f818000 | 3f82",
        "cvt.rn.bf16.f32 %ho, %r0 | 7f7fffff | 7f80",
        "cvt.rz.bf16.f32 %ho, %r0 | 3f81ffff | 3f81",
        "cvt.rn.bf16.f32 %ho, %r0 | ffc00000 | 7fff",
        "cvt.rn.f16.f32 %ho, %r0 | 3fc00000 | 3e00",
        "cvt.rn.f16.f32 %ho, %r0 | 7f7fffff | 7c00",
        "cvt.rz.f16.f32 %ho, %r0 | 7f7fffff | 7bff",
        "cvt.f32.f16 %ro, %h0 | 1 | 33800000",
        "cvt.rna.tf32.f32 %ro, %r0 | 3f801000 | 3f802000",
        "cvt.rn.relu.bf16.f32 %ho, %r0 | bf800000 | 0",
      })
  void conversions_anyTypes_roundAndCutAsSaid(String instruction, String a, String expected) {
    assertThat(eval(instruction + ";", hex(a))).isEqualTo(hex(expected));
  }

  @Test
  void conversions_pairs_putTheFirstOperandHigh() {
    long pair = eval("cvt.rn.bf16x2.f32 %ro, %r0, %r1;", bits(1), bits(2));
    assertThat(pair).isEqualTo(0x3F80_4000L);
    pair = eval("cvt.rn.f16x2.f32 %ro, %r0, %r1;", bits(1), bits(2));
    assertThat(pair).isEqualTo(0x3C00_4000L);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "setp.lt.s32 %po, %r0, %r1 ; ffffffff ; 1 ; 1",
        "setp.lt.u32 %po, %r0, %r1 ; ffffffff ; 1 ; 0",
        "setp.hs.u64 %po, %d0, %d1 ; ffffffffffffffff ; 1 ; 1",
        "setp.ge.s64 %po, %d0, %d1 ; ffffffffffffffff ; 1 ; 0",
        "setp.eq.b16 %po, %h0, %h1 ; 10001 ; 1 ; 1",
        "setp.lt.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 0",
        "setp.ltu.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 1",
        "setp.ne.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 0",
        "setp.neu.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 1",
        "setp.equ.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 1",
        "setp.eq.f32 %po, %r0, %r1 ; 80000000 ; 0 ; 1",
        "setp.nan.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 1",
        "setp.num.f32 %po, %r0, %r1 ; 7fc00000 ; 0 ; 0",
        "setp.geu.f64 %po, %d0, %d1 ; 8000000000000000 ; 0 ; 1",
        "setp.gt.and.u32 %po, %r0, %r1, %p1 ; 2 ; 1 ; 1",
        "setp.gt.and.u32 %po, %r0, %r1, !%p1 ; 2 ; 1 ; 0",
        "setp.gt.or.u32 %po|%q0, %r0, %r1, %p1 ; 0 ; 1 ; 1",
        "setp.gt.xor.u32 %q0|%po, %r0, %r1, %p0 ; 1 ; 0 ; 1",
        "and.pred %po, %p0, %p1 ; 1 ; 1 ; 1",
        "xor.pred %po, %p0, %p1 ; 1 ; 1 ; 0",
        "not.pred %po, %p0 ; 1 ; 1 ; 0",
        "mov.pred %po, %p0 ; 1 ; 0 ; 1",
        "set.lt.u32.s32 %ro, %r0, %r1 ; ffffffff ; 1 ; ffffffff",
        "set.lt.f32.f32 %ro, %r0, %r1 ; 0 ; 3f800000 ; 3f800000",
        "selp.b64 %do, %d0, %d1, %p0 ; 1 ; 5 ; 1",
        "slct.u32.s32 %ro, %r0, %r1, %r0 ; ffffffff ; 5 ; 5",
      })
  void comparisons_signsAndNan_areThoseOfTheManual(
      String instruction, String a, String b, String expected) {
    assertThat(eval(instruction + ";", hex(a), hex(b))).isEqualTo(hex(expected));
  }

  @Test
  void halves_fmaOfManyOperands_isTheNearestNumber() {
    Random random = new Random(5);
    Snippet fma = Snippet.of("fma.rn.bf16x2 %ro, %r0, %r1, %r2;");
    long[] inputs = new long[Snippet.INPUTS * 1024];
    for (int i = 0; i < inputs.length; i++) {
      // Exponents close together, so that sums lie near the middle of two numbers.
      inputs[i] = 0x3F00L + random.nextInt(0x100) + (random.nextBoolean() ? 0x8000 : 0);
    }
    long[] results = fma.run(1024, inputs);
    for (int i = 0; i < results.length; i++) {
      long[] in = {inputs[5 * i], inputs[5 * i + 1], inputs[5 * i + 2]};
      double exact = (double) Floats.bf16(in[0]) * Floats.bf16(in[1]) + Floats.bf16(in[2]);
      float result = Floats.bf16(results[i]);
      double error = Math.abs(result - exact);
      for (int step : new int[] {-1, 1}) {
        double neighbour = Floats.bf16((results[i] + step) & 0xFFFF);
        assertThat(error).isLessThanOrEqualTo(Math.abs(neighbour - exact));
      }
    }
  }
}
