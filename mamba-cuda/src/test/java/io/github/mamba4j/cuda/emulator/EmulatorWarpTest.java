package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Branches, exchanges between lanes, and barriers. */
class EmulatorWarpTest {
  /** Returns inputs whose first one in each thread is what a function says. */
  private static long[] inputs(int threads, IntToLongFunction first) {
    return IntStream.range(0, threads * Snippet.INPUTS)
        .mapToLong(i -> i % Snippet.INPUTS == 0 ? first.applyAsLong(i / Snippet.INPUTS) : 0)
        .toArray();
  }

  @Test
  void branch_loopsOfDifferentLength_meetAgain() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .u32 i; .reg .pred more; mov.u32 i, 0; mov.u32 %ro, 0;",
            "AGAIN: add.u32 i, i, 1; add.u32 %ro, %ro, i;",
            "setp.le.u32 more, i, %i; @more bra AGAIN;",
            // All lanes must be here together.
            "vote.sync.ballot.b32 %a0, more, 0xffffffff; add.u32 %ro, %ro, %a0; }");
    long[] sums = LongStream.range(1, 33).map(n -> n * (n + 1) / 2).toArray();
    assertThat(snippet.run(32)).containsExactly(sums);
  }

  @Test
  void branch_sidesAndEarlyEnds_eachRunForTheirLanes() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .pred odd, last; setp.eq.u32 odd, %r0, 1; setp.eq.u32 last, %i, 7;",
            "@last ret;",
            "@odd bra ODD; mov.u32 %ro, 100; bra.uni JOIN;",
            "ODD: @!odd trap; mov.u32 %ro, 200;",
            "JOIN: add.u32 %ro, %ro, %i; }");
    long[] out = snippet.run(8, inputs(8, i -> i % 2));
    assertThat(out).containsExactly(100, 201, 102, 203, 104, 205, 106, 0);
  }

  @Test
  void scopes_namesAndLabelsTwice_areTheirOwn() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .u32 x; .reg .pred p; mov.u32 x, 1; // outer",
            "{ .reg .u32 x; mov.u32 x, 5; setp.eq.u32 p, x, 5; @p bra NEXT; trap;",
            "NEXT: add.u32 %ro, %ro, x; }",
            "{ .reg .u32 x; mov.u32 x, 7; @p bra NEXT; trap; /* a comment",
            "over lines */ NEXT: add.u32 %ro, %ro, x; }",
            "add.u32 %ro, %ro, x; }");
    assertThat(snippet.run(1)).containsExactly(13);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "up; 1; 0; 0 0 1 2 3 4 5 6",
        "up; 1; 0x1c00; 0 0 1 2 4 4 5 6",
        "down; 2; 31; 2 3 4 5 6 7 8 9",
        "down; 1; 0x1c03; 1 2 3 3 5 6 7 7",
        "bfly; 1; 31; 1 0 3 2 5 4 7 6",
        "idx; 5; 31; 5 5 5 5 5 5 5 5",
        "idx; 1; 0x1c1f; 1 1 1 1 5 5 5 5",
      })
  void shuffle_modesAndSegments_readTheLaneOfTheManual(
      String mode, String by, String clamp, String expected) {
    Snippet snippet =
        Snippet.of("shfl.sync." + mode + ".b32 %ro, %i, " + by + ", " + clamp + ", 0xffffffff;");
    assertThat(IntStream.range(0, 8).mapToObj(i -> "" + snippet.run(32)[i]))
        .containsExactly(expected.split(" "));
  }

  @Test
  void shuffle_predicate_tellsWhetherTheLaneIsInReach() {
    Snippet snippet =
        Snippet.of("shfl.sync.down.b32 %ro|%q0, %r0, 30, 31, -1;", "mov.pred %po, %q0;");
    assertThat(snippet.run(32)).startsWith(1, 1, 0, 0);
  }

  @Test
  void vote_everyMode_countsTheLanesOfTheMask() {
    long[] some = inputs(32, i -> i < 4 ? 1 : 0);
    assertThat(Snippet.of("vote.sync.ballot.b32 %ro, %p0, -1;").run(32, some)).containsOnly(15);
    assertThat(Snippet.of("vote.sync.any.pred %po, %p0, -1;").run(32, some)).containsOnly(1);
    assertThat(Snippet.of("vote.sync.all.pred %po, %p0, -1;").run(32, some)).containsOnly(0);
    assertThat(Snippet.of("vote.sync.uni.pred %po, !%p1, -1;").run(32, some)).containsOnly(1);
    // The last warp of a block may have fewer lanes than the mask says.
    assertThat(Snippet.of("vote.sync.all.pred %po, %p0, -1;").run(4, inputs(4, i -> 1)))
        .containsOnly(1);
  }

  @Test
  void match_equalValues_findEachOther() {
    long[] pairs = inputs(32, i -> i / 2);
    assertThat(Snippet.of("match.any.sync.b32 %ro, %r0, -1;").run(32, pairs))
        .startsWith(3, 3, 12, 12);
    assertThat(Snippet.of("match.all.sync.b32 %ro|%q0, %r1, -1;").run(32, pairs))
        .containsOnly(0xFFFF_FFFFL);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "redux.sync.add.u32 %ro, %i, -1; 496",
        "redux.sync.max.s32 %ro, %i, -1; 31",
        "redux.sync.or.b32 %ro, %i, -1; 31",
        "bar.warp.sync -1; 0",
        "activemask.b32 %ro; 4294967295",
        "mov.u32 %ro, %nwarpid; 1",
      })
  void warp_reductions_giveAllLanesTheSame(String instruction, long expected) {
    assertThat(Snippet.of(instruction + ";").run(32)).containsOnly(expected);
  }

  @Test
  void specials_ofAThread_areItsPlace() {
    Snippet snippet =
        Snippet.of(
            "mov.u32 %a0, %laneid; mov.u32 %a1, %warpid; mov.u32 %a2, %ntid.x;",
            "mad.lo.u32 %ro, %a1, 100, %a0; mad.lo.u32 %ro, %a2, 10000, %ro;",
            "mov.u32 %a3, %nctaid.x; mad.lo.u32 %ro, %a3, 10000000, %ro;");
    assertThat(snippet.run(40)[33]).isEqualTo(10_400_101);
    assertThat(Snippet.of("mov.u32 %ro, %lanemask_lt;").run(4)).containsExactly(0, 1, 3, 7);
    assertThat(Snippet.of("mov.u32 %ro, %lanemask_ge;").run(32)).endsWith(0x8000_0000L);
  }

  @Test
  void barrier_reduction_countsPredicatesOfTheBlock() {
    long[] some = inputs(96, i -> i % 3 == 0 ? 1 : 0);
    assertThat(Snippet.of("bar.red.popc.u32 %ro, 0, %p0;").run(96, some)).containsOnly(32);
    assertThat(Snippet.of("bar.red.or.pred %po, 1, %p0;").run(96, some)).containsOnly(1);
    assertThat(Snippet.of("bar.red.and.pred %po, 1, %p0;").run(96, some)).containsOnly(0);
  }

  @Test
  void barrier_someWarpsByCount_orderOnlyThose() {
    // The first warp hands over to the second one, the third takes no part.
    Snippet snippet =
        Snippet.of(
            "{ .reg .pred first, third; .shared .align 4 .u32 box;",
            "setp.lo.u32 first, %i, 32; setp.hs.u32 third, %i, 64; @third bra END;",
            "@first st.shared.u32 [box], %r1; @first bar.arrive 1, 64; @first bra END;",
            "barrier.sync 1, 64; ld.shared.u32 %ro, [box];",
            "END: }");
    long[] out = snippet.run(96, new long[Snippet.INPUTS * 96]);
    assertThat(out).containsOnly(0);
  }

  @Test
  void barrier_warpsThatHaveReturned_areNotWaitedFor() {
    Snippet snippet =
        Snippet.of("setp.lo.u32 %q0, %i, 32; @%q0 ret;", "bar.sync 0; mov.u32 %ro, 7;");
    long[] out = snippet.run(64);
    assertThat(out[0]).isZero();
    assertThat(out[63]).isEqualTo(7);
  }

  @Test
  void nanosleep_waitingForAnotherWarp_letsItRun() {
    Snippet snippet =
        Snippet.of(
            "{ .reg .pred first, no; .shared .align 4 .u32 flag;",
            "setp.lo.u32 first, %i, 32; mov.u32 %a1, 0; @first st.shared.u32 [flag], %a1;",
            "bar.sync 0; @!first bra SET;",
            "WAIT: nanosleep.u32 20; ld.volatile.shared.u32 %a0, [flag];",
            "setp.eq.u32 no, %a0, 0; @no bra WAIT; bra END;",
            "SET: mov.u32 %a1, 1; st.volatile.shared.u32 [flag], %a1; fence.acq_rel.cta;",
            "END: mov.u32 %ro, 1; }");
    assertThat(snippet.run(64)).containsOnly(1);
  }
}
