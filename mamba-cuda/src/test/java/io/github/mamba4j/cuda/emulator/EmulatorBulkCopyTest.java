package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Copies of the GPU's engine and the barriers that count their bytes. */
class EmulatorBulkCopyTest {
  /** Two barriers, for one and for two arrivals, and room for 64 bytes. */
  private static final String BEGIN =
      "{ .shared .align 16 .b8 box[64]; .shared .align 8 .b64 full; .shared .align 8 .b64"
          + " empty;setp.eq.u32 %q0, %i, 0; @%q0 mbarrier.init.shared::cta.b64 [full], 1;@%q0"
          + " mbarrier.init.shared::cta.b64 [empty], 2; fence.proxy.async.shared::cta; bar.sync 0;";

  private static final String EXPECT =
      "@%q0 mbarrier.arrive.expect_tx.shared::cta.b64 %w9, [full], 64;";

  private static final String WAIT =
      "WAIT#: mbarrier.try_wait.parity.shared::cta.b64 %q1, [full], #; @!%q1 bra WAIT#;";

  private static final String READ = "ld.shared.u64 %w0, [box]; ld.shared.u64 %w1, [box+56];";

  private static String copy(String to, int bytes, String from) {
    return "@%q0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
        + "[box+%s], [%%base+%s], %d, [full];".formatted(to, from, bytes);
  }

  private static String await(int parity) {
    return WAIT.replace("#", "" + parity);
  }

  private static long[] inputs() {
    return LongStream.range(0, 5 * 64).map(i -> 100 + i).toArray();
  }

  private static void assertFault(String message, String... lines) {
    assertThatExceptionOfType(PtxFault.class)
        .isThrownBy(() -> Snippet.of(lines).run(64, inputs()))
        .withMessageContaining(message);
  }

  @Test
  void copies_waitedForByEveryWarp_bringTheirBytes() {
    Snippet snippet =
        Snippet.of(
            BEGIN,
            copy("0", 48, "0"),
            EXPECT,
            copy("48", 16, "48"),
            await(0),
            READ,
            "add.u64 %do, %w0, %w1; }");
    assertThat(snippet.run(64, inputs())).containsOnly(100 + 107);
  }

  @Test
  void copies_withAHintForTheCache_bringTheSameBytes() {
    Snippet snippet =
        Snippet.of(
            BEGIN,
            EXPECT,
            "createpolicy.fractional.L2::evict_first.b64 %w8, 1.0;",
            copy("0", 64, "0")
                .replace("::bytes ", "::bytes.L2::cache_hint ")
                .replace(";", ", %w8;"),
            await(0),
            READ,
            "add.u64 %do, %w0, %w1; }");
    assertThat(snippet.run(64, inputs())).containsOnly(100 + 107);
  }

  @Test
  void copies_placeGivenBackByAllWarps_canBringMore() {
    String last = "and.b32 %a0, %i, 31; setp.eq.u32 %q2, %a0, 0; bar.warp.sync 0xffffffff;";
    Snippet snippet =
        Snippet.of(
            BEGIN,
            EXPECT,
            copy("0", 64, "0"),
            await(0),
            READ,
            last,
            "@%q2 mbarrier.arrive.shared::cta.b64 %w9, [empty];",
            "@!%q0 bra READS;",
            "FREE: mbarrier.try_wait.parity.shared::cta.b64 %q1, [empty], 0; @!%q1 bra FREE;",
            EXPECT,
            copy("0", 64, "64"),
            "READS: " + await(1),
            "ld.shared.u64 %w2, [box+56]; add.u64 %do, %w1, %w2; }");
    assertThat(snippet.run(64, inputs())).containsOnly(107 + 115);
  }

  @Test
  void copy_intoWhatAnotherWarpMayStillRead_isARace() {
    // By the second warp, when the first has read.
    String more = "setp.eq.u32 %q0, %i, 32; " + EXPECT + copy("0", 64, "64");
    assertFault("race: ", BEGIN, EXPECT, copy("0", 64, "0"), await(0), READ, more + "}");
  }

  @Test
  void copy_notWaitedFor_isNotReadable() {
    String read = "@%q0 ld.shared.u64 %w0, [box]; }";
    assertFault("has not been waited for", BEGIN, EXPECT, copy("0", 64, "0"), read);
  }

  @Test
  void copy_notOfSixteens_isRefused() {
    assertFault("expected multiples of 16", BEGIN, copy("0", 8, "0") + "}");
    assertFault("expected multiples of 16", BEGIN, copy("8", 16, "0") + "}");
  }

  @Test
  void barrier_neverMade_isRefused() {
    assertFault(
        "there is no mbarrier",
        "{ .shared .align 8 .b64 full; mbarrier.arrive.shared::cta.b64 %w9, [full]; }");
  }
}
