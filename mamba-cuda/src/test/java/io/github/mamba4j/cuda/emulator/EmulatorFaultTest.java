package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each check finds, and that it says where. */
class EmulatorFaultTest {
  private static void assertFault(String message, ThrowingCallable call) {
    assertThatExceptionOfType(PtxFault.class).isThrownBy(call).withMessageContaining(message);
  }

  private static final String SHARED = "{ .reg .u32 place; .shared .align 4 .u32 box[64]; ";

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "ld.global.u32 %ro, [%in+40]: reads 4 bytes out of reach: byte 40 of registered memory",
        "st.global.u32 [%in+-4], %r0: writes 4 bytes out of reach",
        "ld.global.u64 %do, [%d4]: reads 8 bytes out of reach",
        "ld.global.u32 %ro, [%in+2]: is no multiple of 4",
        "ld.global.v4.u32 {%ro, %a0, %a1, %a2}, [%in+8]: is no multiple of 16",
        "ld.shared.u32 %ro, [dynamic+16]: is byte 16 of 16",
        "ld.shared.u32 %ro, [%r4]: is byte -1024 of 16",
        "ld.shared.u32 %ro, [dynamic+2]: is no multiple of 4",
        "ld.shared.u32 %ro, [dynamic]: which was not written before",
        "atom.shared.add.u32 %ro, [dynamic], 1: which was not written before",
        "add.u32 %ro, %a0, 1: reads register %a0, which was not written before",
        "@%q0 add.u32 %ro, %r0, 1: reads register %q0, which was not written before",
        "div.u32 %ro, 1, %r0: divides by zero",
        "shfl.sync.idx.b32 %ro, %r0, 1, 31, 1: reads lane 1, which does not take part",
        "vote.sync.any.pred %po, %p0, 2: is not among the lanes that take part",
        "cp.async.cg.shared.global [dynamic], [%in], 16, 17: the size of the source is 17",
        "cp.async.cg.shared.global [dynamic+8], [%in], 16: is no multiple of 16",
        "trap: the kernel gives up",
        "bar.sync 16: there is no barrier 16",
        "bar.sync 0, 40: waits for 40 threads",
      })
  void instruction_ofOneThread_isRefused(String text) {
    String[] parts = text.split(": ", 2);
    Snippet snippet = Snippet.of(parts[0] + ";").dynamicShared(16);
    for (String part : parts[1].split(": ", -1)) {
      assertFault(part, () -> snippet.run(1));
    }
  }

  @Test
  void fault_message_namesKernelBlockThreadAndLine() {
    Snippet snippet = Snippet.of("@%p0 ld.global.u32 %ro, [%d1];").blocks(3);
    long[] inputs = new long[Snippet.INPUTS * 40];
    inputs[Snippet.INPUTS * 37] = 1;
    assertFault(
        "snippet: block (0, 0, 0), thread (37, 0, 0), line ", () -> snippet.run(40, inputs));
    assertFault("'@%p0 ld.global.u32 %ro, [%d1]': reads", () -> snippet.run(40, inputs));
  }

  @Test
  void register_writtenByOtherLanesOnly_isNotWritten() {
    Snippet snippet = Snippet.of("@%p0 mov.u32 %a0, 5;", "mov.u32 %ro, %a0;");
    assertFault("thread (1, 0, 0)", () -> snippet.run(2, 1));
  }

  @Test
  void shared_readWithoutBarrier_isARace() {
    String[] lines = {
      SHARED + "mov.u32 place, box; mad.lo.u32 place, %i, 4, place;",
      "st.shared.u32 [place], %i; BARRIER",
      "xor.b32 %a0, %i, 32; mov.u32 place, box; mad.lo.u32 place, %a0, 4, place;",
      "ld.shared.u32 %ro, [place]; }"
    };
    String text = String.join("\n", lines);
    assertFault(
        "which was not written before", () -> Snippet.of(text.replace("BARRIER", "")).run(64));
    // The second warp runs later, so that it is the one that sees what the first one wrote.
    String later = text.replace("BARRIER", "setp.lo.u32 %q0, %i, 32; @%q0 bra END;");
    assertFault(
        "race: reads shared address 1024, written by warp 0 without a barrier",
        () -> Snippet.of(later.replace("[place]; }", "[place]; END: }")).run(64));
    assertThat(Snippet.of(text.replace("BARRIER", "bar.sync 0;")).run(64)).startsWith(32, 33);
  }

  @Test
  void shared_overwrittenBeforeOthersHaveRead_isARace() {
    Snippet snippet =
        Snippet.of(
            SHARED + "setp.eq.u32 %q0, %i, 0; setp.eq.u32 %q1, %i, 32;",
            "@%q0 st.shared.u32 [box], %i; bar.sync 0;",
            "ld.shared.u32 %a0, [box];",
            "@%q1 st.shared.u32 [box], %i; }");
    assertFault("race: ", () -> snippet.run(64));
  }

  @Test
  void shared_writtenByTwoWarps_isARace() {
    Snippet snippet = Snippet.of(SHARED + "st.shared.u32 [box], %r0; }");
    assertFault("writes shared address 1024, written by warp 0", () -> snippet.run(64));
    // Equal values of one warp's lanes at once are no matter.
    assertThat(snippet.run(32)).containsOnly(0);
  }

  @Test
  void shared_lanesThatStoreDifferentValues_areRefused() {
    Snippet snippet = Snippet.of(SHARED + "st.shared.u32 [box], %i; }");
    assertFault("another lane stores another value", () -> snippet.run(2));
  }

  @Test
  void shared_plainBesideAtomic_isARace() {
    Snippet snippet =
        Snippet.of(
            SHARED + "setp.eq.u32 %q0, %i, 0; setp.lo.u32 %q1, %i, 32;",
            "@%q0 st.shared.u32 [box], %i; bar.sync 0;",
            "@%q1 red.shared.add.u32 [box], 1; @!%q1 ld.shared.u32 %a0, [box]; }");
    assertFault("race: ", () -> snippet.run(64));
  }

  @Test
  void copy_notWaitedFor_isNotReadable() {
    String begin =
        SHARED.replace("align 4", "align 16")
            + "cp.async.ca.shared.global [box], [%in], 4; cp.async.commit_group;";
    String waiting = "where a cp.async has not been waited for";
    String end = "ld.shared.u32 %ro, [box]; }";
    assertFault(waiting, () -> Snippet.of(begin, end).run(1));
    assertFault(waiting, () -> Snippet.of(begin, "cp.async.wait_group 1;", end).run(1));
    assertFault(
        "which a cp.async still writes",
        () -> Snippet.of(begin, "st.shared.u32 [box], 1;".replace("1;", "%r0; }")).run(1));
    assertThat(Snippet.of(begin, "cp.async.wait_group 0;", end).run(1, 9)).containsExactly(9);
  }

  @Test
  void copy_waitedForByItsThread_stillNeedsABarrierForOthers() {
    Snippet snippet =
        Snippet.of(
            SHARED.replace("align 4", "align 16") + "setp.eq.u32 %q0, %i, 0;",
            "@%q0 cp.async.ca.shared.global [box], [%in], 4; cp.async.wait_all;",
            "ld.shared.u32 %ro, [box]; }");
    assertFault("reads shared address 1024, written by warp 0", () -> snippet.run(64));
  }

  @Test
  void copy_intoWhatOthersMayStillRead_isARace() {
    Snippet snippet =
        Snippet.of(
            SHARED.replace("align 4", "align 16") + "setp.eq.u32 %q0, %i, 0;",
            "@%q0 st.shared.u32 [box], %i; bar.sync 0;",
            "setp.eq.u32 %q1, %i, 0; @!%q1 ld.shared.u32 %a0, [box];",
            "@%q1 cp.async.ca.shared.global [box], [%in], 4; }");
    assertFault("writes shared address 1024, read by warp 1", () -> snippet.run(64));
  }

  @Test
  void barrier_someLanesOnly_isRefused() {
    Snippet snippet = Snippet.of("setp.eq.u32 %q0, %i, 3; @%q0 bar.sync 0;");
    assertFault("diverged: lanes 0xfffffff7 are not at this barrier", () -> snippet.run(32));
  }

  @Test
  void barrier_otherWarpsNeverCome_isRefused() {
    Snippet snippet =
        Snippet.of("setp.lo.u32 %q0, %i, 32; @%q0 bra A; bar.sync 2; bra B; A: bar.sync 1; B:");
    assertFault("waits at barrier 1, which others never come to", () -> snippet.run(64));
  }

  @Test
  void warpInstructions_lanesMissing_areRefused() {
    String half = "setp.lo.u32 %q0, %i, 16; @%q0 ";
    assertFault(
        "lanes 0xffff0000 do not take part, but are in the mask",
        () -> Snippet.of(half + "shfl.sync.bfly.b32 %ro, %r0, 1, 31, -1;").run(32));
    assertFault(
        "needs all of the warp",
        () ->
            Snippet.of(SHARED + half + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%a0}, [box]; }")
                .run(32));
    assertFault("is called uniform", () -> Snippet.of(half + "bra.uni END; END:").run(32));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "st.global.u32 [%base], %i; writes; written by block (0, 0, 0)",
        "ld.global.u32 %a0, [%base]; none; none",
        "red.global.add.u32 [%base], 1; none; none",
        "atom.global.add.u32 %a0, [%base], 1; none; none",
      })
  void global_sameAddressInTwoBlocks_isARaceIfPlainAndWritten(
      String instruction, String does, String by) {
    Snippet snippet = Snippet.bare(instruction + ";").blocks(2);
    if (does.equals("none")) {
      snippet.runBare(1, 0);
    } else {
      assertFault("race between blocks: " + does, () -> snippet.runBare(1, 0));
      assertFault(by, () -> snippet.runBare(1, 0));
      snippet.races(false).runBare(1, 0);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "st.global.u32; ld.global.u32; reads; written by block (0, 0, 0)",
        "ld.global.u32; st.global.u32; writes; read by block (0, 0, 0)",
        "ld.global.u32; red.global.add.u32; writes; read by block (0, 0, 0)",
        "red.global.add.u32; ld.global.u32; reads; written by block (0, 0, 0)",
        "st.global.u32; red.global.add.u32; reads; written by block (0, 0, 0)",
        "ld.global.u32; ld.global.u32; none; none",
        "red.global.add.u32; ld.relaxed.gpu.global.u32; none; none",
      })
  void global_oneBlockAfterAnother_isARaceUnlessBothReadOrAreAtomic(
      String first, String second, String does, String by) {
    Snippet snippet =
        Snippet.bare(
                "mov.u32 %a0, %ctaid.x; setp.eq.u32 %q0, %a0, 0;",
                access("@%q0 ", first), access("@!%q0 ", second))
            .blocks(2);
    if (does.equals("none")) {
      snippet.runBare(1, 0);
    } else {
      assertFault("race between blocks: " + does, () -> snippet.runBare(1, 0));
      assertFault(by, () -> snippet.runBare(1, 0));
    }
  }

  private static String access(String guard, String instruction) {
    String operands = instruction.startsWith("ld") ? " %a1, [%base];" : " [%base], %a0;";
    return guard + instruction + operands;
  }

  @Test
  void global_readBySeveralBlocksThenWritten_isARace() {
    Snippet snippet =
        Snippet.bare(
                "mov.u32 %a0, %ctaid.x; setp.lo.u32 %q0, %a0, 2;",
                access("@%q0 ", "ld.global.u32"), access("@!%q0 ", "st.global.u32"))
            .blocks(3);
    assertFault("read by several blocks", () -> snippet.runBare(1, 0));
  }

  @Test
  void loop_withoutEnd_isStopped() {
    Snippet snippet = Snippet.of("AGAIN: bra AGAIN;").limit(10_000);
    assertFault("more than the limit; is it a loop?", () -> snippet.run(1));
  }

  @Test
  void memory_readOnlyForgottenOrOverlapping_isRefused() {
    PtxProgram program =
        PtxProgram.parse(
            ".visible .entry put(.param .u64 p) { .reg .u64 a; ld.param.u64 a, [p];"
                + " st.global.u64 [a], a; ret; }");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(16, 16);
      EmulatedMemory memory = new EmulatedMemory();
      memory.register(segment.asReadOnly());
      assertThatIllegalArgumentException().isThrownBy(() -> memory.register(segment.asSlice(8)));
      ByteBuffer p = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
      p.putLong(segment.address());
      int[] one = {1, 1, 1};
      assertFault("read-only", () -> program.launch("put", one, one, 0, p, memory));
      memory.forget(segment);
      memory.register(segment);
      program.launch("put", one, one, 0, p, memory);
      memory.forget(segment);
      assertFault("out of reach", () -> program.launch("put", one, one, 0, p, memory));
      assertFault("takes 8 bytes", () -> program.launch("put", one, one, 0, p.slice(0, 4), memory));
    }
  }
}
