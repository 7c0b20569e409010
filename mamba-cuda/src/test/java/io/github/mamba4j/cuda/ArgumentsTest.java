package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Kernel parameters that are arrays. */
class ArgumentsTest {
  @Test
  void table_betweenOthers_liesAtAMultipleOfEightAndIsFilledWithZeros() {
    ByteBuffer contents = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder()).putLong(7).flip();
    Arguments arguments = new Arguments().number(1).table(contents, 4032).number(2);

    ByteBuffer packed = arguments.packed();
    assertThat(packed.remaining()).isEqualTo(4044);
    assertThat(packed.getInt(0)).isEqualTo(1);
    assertThat(packed.getLong(8)).isEqualTo(7);
    assertThat(packed.getLong(16)).isZero();
    assertThat(packed.getInt(4040)).isEqualTo(2);
    assertThat(arguments.types()).containsExactly(".u32", ".b8[4032]", ".u32");
  }

  @Test
  void signature_array_hasItsSizeInItsType() {
    String ptx =
        ".visible .entry k(\n  .param .u64 a, .param .align 8 .b8 table[64],\n  .param .f32 b)";
    assertThat(PtxSignatures.of(ptx).get("k")).containsExactly(".u64", ".b8[64]", ".f32");
  }
}
