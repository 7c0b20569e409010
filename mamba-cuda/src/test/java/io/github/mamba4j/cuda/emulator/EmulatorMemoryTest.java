package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Loads, stores, atomic operations and asynchronous copies that do what they should. */
class EmulatorMemoryTest {
  private static long hex(String text) {
    return Long.parseUnsignedLong(text, 16);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      value = {
        "ld.global.u8 %ro, [%in+1] # fe",
        "ld.global.s8 %ro, [%in+1] # fffffffe",
        "ld.global.b16 %ho, [%in+2] # 8003",
        "ld.global.s16 %do, [%in+2] # ffffffffffff8003",
        "ld.global.nc.L1::no_allocate.L2::128B.u32 %ro, [%in] # 8003fe01",
        "ld.global.s32 %do, [%in] # ffffffff8003fe01",
        "ld.volatile.global.u32 %ro, [%in+4] # 5",
        "ld.relaxed.gpu.global.u64 %do, [%in] # 58003fe01",
        "ld.acquire.gpu.global.u32 %ro, [%in+4] # 5",
        "ld.u32 %ro, [%in+4] # 5",
        "ld.global.v2.b32 {_, %ro}, [%in] # 5",
        "ld.global.v4.u16 {_, %ho, _, _}, [%in] # 8003",
        "ld.global.v2.u64 {%w0, %do}, [%in+16] # 7",
        "ld.global.cg.u32 %ro, [%in+0] # 8003fe01",
        "createpolicy.fractional.L2::evict_first.b64 %w0, 1.0;"
            + " ld.global.L2::cache_hint.u32 %ro, [%in+4], %w0 # 5",
        "createpolicy.fractional.L2::evict_first.b64 %w0, 1.0; mov.u64 %w1, 9;"
            + " st.global.L2::cache_hint.u64 [%in], %w1, %w0; ld.global.u64 %do, [%in] # 9",
        "add.u64 %w0, %in, 8; ld.global.u64 %do, [%w0+-8] # 58003fe01",
      })
  void load_anyWidth_isExtendedAsItsTypeSays(String instruction, String expected) {
    long result = Snippet.eval(instruction + ";", 0x5_8003_FE01L, 0, 0, 7);
    assertThat(result).isEqualTo(hex(expected));
  }

  @Test
  void parameters_addressInARegister_areReadLaneByLane() {
    Snippet snippet =
        Snippet.of(
            "mov.b64 %w0, in; mul.wide.u32 %w1, %i, 8; add.u64 %w0, %w0, %w1;",
            "ld.param.u64 %w2, [%w0]; sub.u64 %do, %w2, %base;",
            "mov.b64 %w0, in; ld.param.v2.u64 {%w3, %w4}, [%w0]; sub.u64 %w4, %w4, %w3;",
            "setp.eq.u64 %q0, %w4, %do; selp.u64 %do, 1, %do, %q0;");
    assertThat(snippet.run(2)).containsExactly(0, 1);
  }

  @Test
  void store_vectors_landSideBySide() {
    Snippet snippet =
        Snippet.of(
            "st.global.v4.u8 [%in], {%r1, %r2, %r3, %r4};",
            "st.global.v2.b16 [%in+4], {%h1, %h2};", "ld.global.u64 %do, [%in];");
    assertThat(snippet.run(1, 0, 0x101, 0x202, 3, 4)).containsExactly(0x0202_0101_0403_0201L);
  }

  @Test
  void shared_staticAndDynamic_areApartAndAligned() {
    Snippet snippet =
        Snippet.of(
            "{ .shared .align 4 .b8 odd[5]; .shared .align 8 .f64 pair[2][1], more;",
            "mov.u32 %a0, odd; mov.u32 %a1, pair; mov.u64 %w0, dynamic;",
            "cvt.u32.u64 %a2, %w0;",
            "sub.u32 %a3, %a1, %a0; sub.u32 %a4, %a2, %a0;",
            "st.shared.u32 [odd], %r0; st.shared.u32 [dynamic+60], %r1;",
            "ld.shared.u32 %a5, [%a2+60]; ld.shared.u32 %a6, [odd];",
            "add.u32 %a5, %a5, %a6; shl.b32 %a4, %a4, 8; shl.b32 %a3, %a3, 16;",
            "or.b32 %ro, %a3, %a4; or.b32 %ro, %ro, %a5; }");
    assertThat(snippet.dynamicShared(64).run(1, 3, 4)).containsExactly(0x08_20_07L);
  }

  @Test
  void generic_addressOfSharedMemory_reachesIt() {
    Snippet snippet =
        Snippet.of(
            "{ .shared .align 8 .b8 box[8];",
            "mov.u64 %w0, box; cvta.shared.u64 %w1, %w0;",
            "st.u64 [%w1], %d0; cvta.to.shared.u64 %w2, %w1; ld.shared.u64 %do, [%w2];",
            "cvta.to.global.u64 %w3, %in; st.global.u64 [%w3], %do; }");
    assertThat(snippet.run(1, 99)).containsExactly(99);
  }

  @Test
  void shared_neighbourAfterBarrier_isSeenAcrossWarps() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .u32 place, other; .shared .align 4 .u32 all[96];",
            "mov.u32 place, all; mad.lo.u32 place, %i, 4, place;",
            "st.shared.u32 [place], %i; bar.sync 0;",
            "sub.u32 other, 95, %i; mov.u32 place, all; mad.lo.u32 place, other, 4, place;",
            "ld.shared.u32 %ro, [place]; }");
    long[] reversed = LongStream.range(0, 96).map(i -> 95 - i).toArray();
    assertThat(snippet.run(96)).containsExactly(reversed);
  }

  @Test
  void bytes_ofDifferentWarpsInOneWord_areNoRace() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .u32 place; .shared .align 4 .b16 all[64];",
            "and.b32 place, %i, 31; shl.b32 place, place, 1; shr.u32 %a0, %i, 5;",
            "add.u32 place, place, %a0; mov.u32 %a1, all; mad.lo.u32 place, place, 2, %a1;",
            "cvt.u16.u32 %ho, %i; st.shared.u16 [place], %ho; bar.sync 0;",
            "mov.u32 %a1, all; mad.lo.u32 %a1, %i, 2, %a1; ld.shared.u16 %ho, [%a1]; }");
    assertThat(snippet.run(64)).startsWith(0, 32, 1, 33).endsWith(31, 63);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "atom.global.add.u32 %ro, [%in], %r1; 5; 3; 5; 8",
        "atom.global.add.f32 %ro, [%in], %r1; 3f800000; 3f800000; 3f800000; 40000000",
        "atom.global.add.u64 %do, [%in], %d1; 5; 3; 5; 8",
        "atom.global.add.f64 %do, [%in], %d1; 0; 3ff0000000000000; 0; 3ff0000000000000",
        "atom.relaxed.gpu.global.min.s32 %ro, [%in], %r1; 5; ffffffff; 5; ffffffff",
        "atom.global.max.u32 %ro, [%in], %r1; 5; ffffffff; 5; ffffffff",
        "atom.global.max.s64 %do, [%in], %d1; 5; ffffffffffffffff; 5; 5",
        "atom.global.and.b32 %ro, [%in], %r1; 5; 4; 5; 4",
        "atom.global.or.b32 %ro, [%in], %r1; 5; 2; 5; 7",
        "atom.global.xor.b64 %do, [%in], %d1; 5; 4; 5; 1",
        "atom.global.exch.b32 %ro, [%in], %r1; 5; 9; 5; 9",
        "atom.global.inc.u32 %ro, [%in], %r1; 5; 5; 5; 0",
        "atom.global.dec.u32 %ro, [%in], %r1; 0; 5; 0; 5",
        "atom.acq_rel.gpu.global.cas.b32 %ro, [%in], 5, %r1; 5; 9; 5; 9",
        "atom.global.cas.b64 %do, [%in], 4, %d1; 5; 9; 5; 5",
        "atom.global.add.noftz.bf16x2 %ro, [%in], %r1; 3f803f80; 3f804000; 3f803f80; 40004040",
        "red.global.add.u32 [%in], %r1; 5; 3; 0; 8",
        "red.release.gpu.global.add.f32 [%in], %r1; 3f800000; 3f800000; 0; 40000000",
        "red.global.add.v2.f32 [%in], {%r1, %r1}; 0; 3f800000; 0; 3f8000003f800000",
      })
  void atomic_operation_returnsWhatWasAndStoresTheResult(
      String instruction, String there, String operand, String before, String after) {
    assertThat(Snippet.eval(instruction + ";", hex(there), hex(operand))).isEqualTo(hex(before));
    String reload = instruction + "; mov.b32 %ro, 0; ld.global.u64 %do, [%in];";
    assertThat(Snippet.eval(reload, hex(there), hex(operand))).isEqualTo(hex(after));
  }

  @Test
  void atomic_allThreadsInShared_addUp() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .pred first; .shared .align 4 .u32 sum;",
            "setp.eq.u32 first, %i, 0; mov.u32 %a0, 0;",
            "@first st.shared.u32 [sum], %a0; bar.sync 0;",
            "red.shared.add.u32 [sum], %i; bar.sync 0; ld.shared.u32 %ro, [sum]; }");
    assertThat(snippet.run(128)).containsOnly(127 * 64);
  }

  @Test
  void copies_waitedForGroupByGroup_bringTheirBytes() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .u32 first, second; .shared .align 16 .b8 ring[2048];",
            "mov.u32 first, ring; mad.lo.u32 first, %i, 16, first; add.u32 second, first, 1024;",
            "cp.async.ca.shared.global [first], [%in], 8; cp.async.commit_group;",
            "cp.async.ca.shared.global.L2::128B [second], [%in+8], 8, 4;",
            "cp.async.ca.shared.global [second+8], [%in], 4, 0; cp.async.commit_group;",
            "cp.async.wait_group 1; ld.shared.u64 %w0, [first];",
            "cp.async.wait_group 0; ld.shared.u64 %w1, [second];",
            "ld.shared.u32 %a0, [second+8]; cvt.u64.u32 %w2, %a0; or.b64 %w1, %w1, %w2;",
            "add.u64 %do, %w0, %w1; }");
    long[] inputs = IntStream.range(0, 5 * 64).mapToLong(i -> 0xA_0000_0000L + i).toArray();
    long[] sums = LongStream.range(0, 64).map(i -> 0xA_0000_0000L + 10 * i + 1).toArray();
    assertThat(snippet.run(64, inputs)).containsExactly(sums);
  }

  @Test
  void copies_sixteenBytesOrIgnored_areWholeOrZero() {
    Snippet snippet =
        Snippet.of(
            "{ .shared .align 16 .b8 box[32];",
            "sub.u64 %w0, %in, 0; setp.eq.u32 %q0, %r0, %r0;",
            "cp.async.cg.shared.global [box], [%w0], 16;",
            "cp.async.cg.shared.global [box+16], [%w0], 16, %q0; cp.async.wait_all;",
            "ld.shared.v2.u64 {%w1, %w2}, [box]; ld.shared.v2.u64 {%w3, %w4}, [box+16];",
            "add.u64 %do, %w1, %w2; or.b64 %w3, %w3, %w4; add.u64 %do, %do, %w3; }");
    assertThat(snippet.run(1, 30, 12)).containsExactly(42);
  }

  @Test
  void flag_ofAnEarlierBlock_bringsWhatItWroteBefore() {
    // Each block adds one to what the block before it left, in a plain word beside a flag.
    Snippet snippet =
        Snippet.bare(
            "{ .reg .u32 block, flag; .reg .pred early; mov.u32 block, %ctaid.x;",
            "WAIT: ld.acquire.gpu.global.u32 flag, [%base];",
            "setp.lo.u32 early, flag, block; @early bra WAIT;",
            "ld.global.u32 %a0, [%base+4]; add.u32 %a0, %a0, 1; st.global.u32 [%base+4], %a0;",
            "add.u32 flag, flag, 1; st.release.gpu.global.u32 [%base], flag; }");
    assertThat(snippet.blocks(4).runBare(1, 0)).containsExactly(0x4_0000_0004L);
  }

  @Test
  void ticket_ofTheLastBlock_letsItReadAllOthers() {
    Snippet snippet =
        Snippet.bare(
            "{ .reg .u32 block, ticket; .reg .pred last; mov.u32 block, %ctaid.x;",
            "mul.wide.u32 %w0, block, 8; add.u64 %w0, %w0, %base;",
            "st.global.u32 [%w0+8], block; membar.gl;",
            "atom.global.add.u32 ticket, [%base], 1; membar.gl;",
            "setp.ne.u32 last, ticket, 2; @last ret;",
            "ld.global.u32 %a0, [%base+8]; ld.global.u32 %a1, [%base+16];",
            "ld.global.u32 %a2, [%base+24]; add.u32 %a0, %a0, %a1; add.u32 %a0, %a0, %a2;",
            "st.global.u32 [%base+4], %a0; }");
    assertThat(snippet.blocks(3).runBare(1, 0, 0, 0, 0)).startsWith(0x3_0000_0003L);
  }

  @Test
  void module_constantsAndGlobals_areReachable() {
    String data =
        """
        .const .align 4 .f32 table[2][2] = { {0f3F800000, 2.0}, {0f40400000} };
        .global .u32 count = 7;
        .global .align 16 .b8 bytes[] = { 1, 2, 0xff };
        """;
    Snippet snippet =
        Snippet.withModule(
            data,
            "ld.const.f32 %a0, [table+8]; cvt.rzi.u32.f32 %a0, %a0;",
            "mov.u64 %w0, count; ld.global.u32 %a1, [%w0]; ld.global.u8 %a2, [bytes+2];",
            "mad.lo.u32 %a0, %a0, 10, %a1; mad.lo.u32 %ro, %a0, 1000, %a2;",
            "add.u32 %a1, %a1, 1; st.global.u32 [count], %a1;");
    assertThat(snippet.run(1)).containsExactly(37_255);
    assertThat(snippet.run(1)).containsExactly(38_255);
  }
}
