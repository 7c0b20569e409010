package io.github.mamba4j.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is understood as PTX, and what is said of the rest. */
class EmulatorParserTest {
  private static final String HEAD =
      """
      .version 7.8
      .target sm_80
      .address_size 64
      .visible .entry k(
        .param .u64 p, .param .u32 n, .param .align 8 .b8 table[24]) .maxntid 64, 2, 1
        .minnctapersm 2
      {
        .reg .u32 %r<4>;
        .reg .f32 %f<4>;
        .reg .u64 %d, %e;
        .reg .b16 %h;
        .reg .pred %p;
      """;

  private static PtxProgram program(String body) {
    return PtxProgram.parse(HEAD + body + "\n}\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "frob.u32 %r0, %r1 # does not know this instruction",
        "add.rz.u32 %r0, %r1, %r2 # modifier .rz is not supported here",
        "ld.global.weird.u32 %r0, [%d] # modifier .weird is not supported here",
        "add.u32 %r0, %r1 # has 2 operands, expected 3 to 3",
        "ld.global.L2::cache_hint.u32 %r0, [%d] # has 2 operands, expected 3 to",
        "ld.global.u32 %r0, [%d], %e # has 3 operands",
        "add.u32 %r0, %r1, %r7 # '%r7' is no register and no constant of type .u32",
        "add.u32 %r0, %r1, %f2 # '%f2' is of type .f32, expected .u32",
        "add.f32 %f0, %f1, %r2 # '%r2' is of type .u32, expected .f32",
        "add.f32 %f0, %f1, 1 # '1' is no register and no constant of type .f32",
        "add.u64 %d, %d, %r1 # '%r1' is of type .u32, expected .u64",
        "ld.global.u32 %h, [%d] # '%h' is of type .b16, expected .u32",
        "ld.global.u32 %r0, [%r1] # has 32 bits, expected 64",
        "ld.param.u32 %r0, [table+24] # reads past the parameter 'table'",
        "ld.param.u64 %d, [n] # reads past the parameter 'n'",
        "ld.shared.u32 %r0, [p] # does not lie in this space",
        "ld.global.v2.u32 %r0, [%d] # do not fit the vector",
        "bra NOWHERE # there is no label 'NOWHERE' in this scope",
        "mov.b64 %d, {%r0, %f0}; # have different types",
        "add.u32 %r0, %r1, %tid.x; # '%tid.x' is no register and no constant",
        "ld.global.u32 %r0, [%d-4]; # '[%d-4]' is no address",
        "ld.global.u32 %r0, [0]; # '0' is no address that is known",
        "{ .reg .u32 n, n; } # 'n' is declared twice",
        "{ .reg .u32 %tid; mov.u32 %r0, %tid.x; } # '%tid' hides the special one",
        "{ .reg .u32 n; ld.param.u32 n, [n]; } # hides the parameter of this name",
        ".local .b8 stack[8] # is a directive that is not supported",
        "cvt.f32.s32 %f0, %r0 # needs .rn",
        "cvt.s32.f32 %r0, %f0 # needs .rni, .rzi, .rmi or .rpi",
        "setp.lt.b32 %p, %r0, %r1 # have no order",
        "mul.u32 %r0, %r1, %r2 # needs .lo, .hi or .wide",
        "shfl.bfly.b32 %r0, %r1, 1, 31 # has 4 operands",
      })
  void check_whatIsNoPtx_isRefusedWithItsLine(String body, String problem) {
    String instruction = body.strip();
    PtxProgram program = program(instruction.endsWith("}") ? instruction : instruction + ";");
    assertThatIllegalArgumentException()
        .isThrownBy(program::check)
        .withMessageContaining("PTX line 13: ")
        .withMessageContaining(problem);
  }

  @Test
  void parse_whatEndsTooEarly_isRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> PtxProgram.parse(HEAD + "ret;"));
    assertThatIllegalArgumentException().isThrownBy(() -> PtxProgram.parse(HEAD + "ret }"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PtxProgram.parse(".func f() { ret; }"))
        .withMessageContaining("outside of an entry");
  }

  @Test
  void launch_sizesThatAGpuRefuses_areRefused() {
    PtxProgram program = program("ret;");
    ByteBuffer parameters = ByteBuffer.allocate(40);
    EmulatedMemory memory = new EmulatedMemory();
    program.launch("k", new int[] {1, 1, 1}, new int[] {128, 1, 1}, 0, parameters, memory);
    int[][] wrong = {
      {1, 1, 1, 129, 1, 0},
      {0, 1, 1, 1, 1, 0},
      {1, 65_536, 1, 1, 1, 0},
      {1, 1, 1, 1, 1, 1 << 20},
      {1, 1, 1, 1, 0, 0}
    };
    for (int[] sizes : wrong) {
      int[] grid = {sizes[0], sizes[1], sizes[2]};
      int[] block = {sizes[3], sizes[4], 1};
      assertThatExceptionOfType(PtxFault.class)
          .isThrownBy(() -> program.launch("k", grid, block, sizes[5], parameters, memory))
          .withMessageContaining("k: cannot be launched");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> program.launch("other", wrong[0], wrong[0], 0, parameters, memory))
        .withMessageContaining("no entry other");
  }

  @Test
  void entries_severalWithSharedOfTheModule_areKnown() {
    PtxProgram program =
        PtxProgram.parse(
            """
            .extern .shared .align 16 .b8 all[];
            .shared .align 4 .b8 some[16];
            .entry a() { .reg .u32 x; mov.u32 x, all; mov.u32 x, some; ret; }
            .visible .entry b { ret; }
            """);
    program.check();
    assertThat(program.entries()).containsExactly("a", "b");
  }
}
