package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** Every 16-bit number, and every byte under every kind of scale, widened. */
@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorWidenTest {
  private static final int ALL = 1 << 16;

  @Test
  void row_everyHalf_isTheNumberThatTheJdkSays() {
    float[] widened = widenAll(DType.F16);
    for (int i = 0; i < ALL; i++) {
      assertSame(widened[i], Float.float16ToFloat((short) i), i);
    }
  }

  @Test
  void row_everyBfloat16_isTheUpperHalfOfAFloat() {
    float[] widened = widenAll(DType.BF16);
    for (int i = 0; i < ALL; i++) {
      assertSame(widened[i], Float.intBitsToFloat(i << 16), i);
    }
  }

  private static void assertSame(float actual, float expected, int bits) {
    if (!(Float.isNaN(expected) && Float.isNaN(actual))) {
      assertThat(Float.floatToRawIntBits(actual))
          .as("bits %x", bits)
          .isEqualTo(Float.floatToRawIntBits(expected));
    }
  }

  private static float[] widenAll(DType type) {
    try (Arena arena = Arena.ofConfined()) {
      // One more, so that there is a rest after the last whole vector.
      MemorySegment from = arena.allocate((ALL + 1) * 2L, 64);
      for (int i = 0; i < ALL; i++) {
        from.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
      }
      MemorySegment to = arena.allocate((ALL + 2) * 4L, 64);
      VectorWiden.row(type, from, 0, ALL + 1, to, 4);
      return to.asSlice(4).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @Test
  void row_blocksOfBytes_areScaleTimesByte() {
    float[] scales = {0, 1, -0.37f, 6e-8f, 5e-6f, 65504, Float.POSITIVE_INFINITY, Float.NaN};
    int blocks = scales.length * 8;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(blocks * 34L, 2);
      MemorySegment to = arena.allocate(blocks * 128L, 64);
      for (int block = 0; block < blocks; block++) {
        short bits = Float.floatToFloat16(scales[block / 8]);
        from.set(CpuStorage.SHORT, block * 34L, bits);
        for (int i = 0; i < 32; i++) {
          from.set(ValueLayout.JAVA_BYTE, block * 34L + 2 + i, (byte) (block % 8 * 32 + i));
        }
      }
      VectorWiden.row(DType.INT8, from, 0, blocks * 32, to, 0);
      for (int i = 0; i < blocks * 32; i++) {
        float scale = Float.float16ToFloat(Float.floatToFloat16(scales[i / 256]));
        assertSame(to.getAtIndex(ValueLayout.JAVA_FLOAT, i), scale * (byte) i, i);
      }
    }
  }
}
