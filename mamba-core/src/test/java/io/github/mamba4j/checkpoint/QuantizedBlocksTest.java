package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The block formulas against packers that go the other way: known integers and scales are packed
 * here bit by bit as the format describes, in double precision, and must come back.
 */
class QuantizedBlocksTest {

  private static final float SCALE = 0.0123f;
  private static final float MINIMUM = 0.377f;

  private final Random random = new Random(20261122);

  private static void putHalf(byte[] block, int at, float value) {
    short bits = Float.floatToFloat16(value);
    block[at] = (byte) bits;
    block[at + 1] = (byte) (bits >> 8);
  }

  private static double half(float value) {
    return Float.float16ToFloat(Float.floatToFloat16(value));
  }

  private static float[] dequantize(StoredType type, byte[] blocks) {
    float[] values = new float[blocks.length / type.blockBytes() * type.blockElements()];
    QuantizedBlocks.dequantize(
        type, MemorySegment.ofArray(blocks), MemorySegment.ofArray(values), values.length);
    return values;
  }

  /** Float arithmetic rounds at most three times on values of this magnitude. */
  private static void assertClose(float[] actual, double[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      assertThat(Math.abs(actual[i] - expected[i]))
          .as("element %d: %s, expected %s", i, actual[i], expected[i])
          .isLessThanOrEqualTo(3 * 0x1p-24 * largest);
    }
  }

  @Test
  void dequantize_q4_0_isScaleTimesNibbleLessEight() {
    byte[] blocks = new byte[3 * 18];
    double[] expected = new double[3 * 32];
    for (int block = 0; block < 3; block++) {
      float scale = SCALE * (block - 1);
      putHalf(blocks, block * 18, scale);
      for (int i = 0; i < 32; i++) {
        int q = random.nextInt(16);
        // element i and i + 16 share a byte
        blocks[block * 18 + 2 + i % 16] |= (byte) (q << (i < 16 ? 0 : 4));
        expected[block * 32 + i] = half(scale) * (q - 8);
      }
    }
    assertClose(dequantize(StoredType.Q4_0, blocks), expected);
  }

  @Test
  void dequantize_q8_0_isScaleTimesByte() {
    byte[] blocks = new byte[2 * 34];
    double[] expected = new double[2 * 32];
    for (int block = 0; block < 2; block++) {
      putHalf(blocks, block * 34, SCALE);
      for (int i = 0; i < 32; i++) {
        int q = random.nextInt(256) - 128;
        blocks[block * 34 + 2 + i] = (byte) q;
        expected[block * 32 + i] = half(SCALE) * q;
      }
    }
    assertClose(dequantize(StoredType.Q8_0, blocks), expected);
  }

  @ParameterizedTest
  @CsvSource({"Q4_1, 20, 4, false, 0", "Q5_0, 22, 2, true, -16", "Q5_1, 24, 4, true, 0"})
  void dequantize_smallBlocks_joinNibbleAndFifthBit(
      StoredType type, int bytes, int header, boolean fifth, int zero) {
    byte[] blocks = new byte[3 * bytes];
    double[] expected = new double[3 * 32];
    for (int block = 0; block < 3; block++) {
      int at = block * bytes;
      float scale = SCALE * (block - 1);
      boolean hasMinimum = header == 4;
      putHalf(blocks, at, scale);
      if (hasMinimum) {
        putHalf(blocks, at + 2, -MINIMUM * block);
      }
      int nibbles = at + header + (fifth ? 4 : 0);
      for (int i = 0; i < 32; i++) {
        int q = random.nextInt(fifth ? 32 : 16);
        blocks[nibbles + i % 16] |= (byte) ((q % 16) << (i < 16 ? 0 : 4));
        if (fifth) {
          // bit i of a little-endian word of 32 bits
          blocks[at + header + i / 8] |= (byte) ((q / 16) << (i % 8));
        }
        expected[block * 32 + i] =
            half(scale) * (q + zero) + (hasMinimum ? half(-MINIMUM * block) : 0);
      }
    }
    assertClose(dequantize(type, blocks), expected);
  }

  @ParameterizedTest
  @CsvSource({"Q4_K, 144, false", "Q5_K, 176, true"})
  void dequantize_groupsOfASuperBlock_useSixBitScalesAndMinimums(
      StoredType type, int bytes, boolean fifth) {
    byte[] blocks = new byte[2 * bytes];
    double[] expected = new double[2 * 256];
    for (int block = 0; block < 2; block++) {
      int at = block * bytes;
      putHalf(blocks, at, SCALE);
      putHalf(blocks, at + 2, MINIMUM);
      int nibbles = at + (fifth ? 48 : 16);
      for (int group = 0; group < 8; group++) {
        int scale = random.nextInt(64);
        int minimum = random.nextInt(64);
        packSixBits(blocks, at + 4, group, scale, minimum);
        for (int i = 0; i < 32; i++) {
          int q = random.nextInt(fifth ? 32 : 16);
          blocks[nibbles + group / 2 * 32 + i] |= (byte) ((q % 16) << (group % 2 == 0 ? 0 : 4));
          if (fifth) {
            // byte i has one bit of each group's element i
            blocks[at + 16 + i] |= (byte) ((q / 16) << group);
          }
          expected[block * 256 + group * 32 + i] =
              half(SCALE) * scale * q - half(MINIMUM) * minimum;
        }
      }
    }
    assertClose(dequantize(type, blocks), expected);
  }

  /**
   * 12 bytes: four with the scales of groups 0 to 3 in their lower 6 bits, four with their
   * minimums, four with the lower nibbles of scale and minimum of groups 4 to 7, whose upper two
   * bits fill the upper two bits of the first eight bytes.
   */
  private static void packSixBits(byte[] block, int at, int group, int scale, int minimum) {
    if (group < 4) {
      block[at + group] |= (byte) scale;
      block[at + 4 + group] |= (byte) minimum;
    } else {
      block[at + 8 + group - 4] |= (byte) (scale % 16 + minimum % 16 * 16);
      block[at + group - 4] |= (byte) ((scale / 16) << 6);
      block[at + 4 + group - 4] |= (byte) ((minimum / 16) << 6);
    }
  }

  @Test
  void dequantize_q6_K_joinsNibblesAndPairs() {
    byte[] blocks = new byte[2 * 210];
    double[] expected = new double[2 * 256];
    for (int block = 0; block < 2; block++) {
      int at = block * 210;
      putHalf(blocks, at + 208, SCALE);
      for (int group = 0; group < 16; group++) {
        blocks[at + 192 + group] = (byte) (random.nextInt(256) - 128);
      }
      for (int i = 0; i < 256; i++) {
        int q = random.nextInt(64);
        int inHalf = i % 128;
        // lower nibbles: elements 0-31 and 64-95 of a half share bytes, as do 32-63 and 96-127
        int lowByte = at + i / 128 * 64 + inHalf % 64;
        blocks[lowByte] |= (byte) ((q % 16) << (inHalf < 64 ? 0 : 4));
        // upper pairs: elements i, i + 32, i + 64, i + 96 of a half share a byte
        int highByte = at + 128 + i / 128 * 32 + inHalf % 32;
        blocks[highByte] |= (byte) ((q / 16) << (2 * (inHalf / 32)));
        expected[block * 256 + i] = half(SCALE) * blocks[at + 192 + i / 16] * (q - 32);
      }
    }
    assertClose(dequantize(StoredType.Q6_K, blocks), expected);
  }

  @Test
  void quantizeQ80_randomBlocks_areWhatTheFormulaSays() {
    int count = 200;
    float[] values = new float[count * 32];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.scalb(1.0, i / 32 % 36 - 16));
    }
    byte[] blocks = new byte[count * 34];
    QuantizedBlocks.quantizeQ80(
        MemorySegment.ofArray(values), MemorySegment.ofArray(blocks), values.length);
    float[] back = dequantize(StoredType.Q8_0, blocks);
    for (int block = 0; block < count; block++) {
      double largest = 0;
      for (int i = 0; i < 32; i++) {
        largest = Math.max(largest, Math.abs(values[block * 32 + i]));
      }
      double scale = largest / 127;
      boolean reached = false;
      for (int i = 0; i < 32; i++) {
        int q = blocks[block * 34 + 2 + i];
        double exact = values[block * 32 + i] / scale;
        assertThat(Math.abs(q - exact)).isLessThanOrEqualTo(0.5 + 1e-4);
        reached |= Math.abs(q) == 127;
        double bound = scale * 0.5001 + Math.abs(values[block * 32 + i]) * 0x1p-11;
        // where the scale is subnormal as a half, its rounding is absolute
        assertThat(Math.abs((double) back[block * 32 + i] - values[block * 32 + i]))
            .isLessThanOrEqualTo(bound + 127 * 0x1p-25);
      }
      assertThat(reached).isTrue();
    }
  }

  @Test
  void quantizeQ80_halvesZerosAndExtremes_areDefined() {
    float[] values = new float[5 * 32];
    values[0] = 127;
    values[1] = 0.5f;
    values[2] = -0.5f;
    values[3] = 1.5f;
    values[4] = Math.nextDown(0.5f);
    values[64] = 1e30f;
    values[96] = Float.NaN;
    values[97] = 1;
    values[128] = Float.MIN_VALUE;
    byte[] blocks = new byte[5 * 34];
    QuantizedBlocks.quantizeQ80(
        MemorySegment.ofArray(values), MemorySegment.ofArray(blocks), values.length);
    assertThat(blocks).startsWith(0x00, 0x3c, 127, 1, -1, 2, 0);
    float[] back = dequantize(StoredType.Q8_0, blocks);
    for (int i = 32; i < 64; i++) {
      assertThat(back[i]).isZero();
    }
    assertThat(back[64]).isInfinite();
    assertThat(back[97]).isNaN();
    assertThat(back[128]).isZero();
  }

  @Test
  void dequantize_sizesThatDoNotFit_areRefused() {
    MemorySegment blocks = MemorySegment.ofArray(new byte[34]);
    MemorySegment floats = MemorySegment.ofArray(new float[32]);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> QuantizedBlocks.dequantize(StoredType.F16, blocks, floats, 32))
        .withMessage("QuantizedBlocks: type is F16, expected a block type");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> QuantizedBlocks.dequantize(StoredType.Q8_0, blocks, floats, 31))
        .withMessage("QuantizedBlocks: elements is 31, expected a multiple of 32 for Q8_0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> QuantizedBlocks.quantizeQ80(floats, blocks, 64))
        .withMessageContaining("64 elements of Q8_0 do not fit, got 34 bytes of blocks and 128");
  }
}
