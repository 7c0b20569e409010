package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8AssemblerTest {

  private static String decode(List<byte[]> pieces) {
    Utf8Assembler assembler = new Utf8Assembler();
    StringBuilder out = new StringBuilder();
    for (byte[] piece : pieces) {
      String text = assembler.append(piece);
      if (!text.isEmpty()) {
        assertThat(Character.isHighSurrogate(text.charAt(text.length() - 1))).isFalse();
        assertThat(Character.isLowSurrogate(text.charAt(0))).isFalse();
      }
      out.append(text);
    }
    return out.append(assembler.flush()).toString();
  }

  /** Cuts the bytes at every pair of places, and into single bytes. */
  private static void checkEverySplit(byte[] bytes, String expected) {
    for (int i = 0; i <= bytes.length; i++) {
      for (int j = i; j <= bytes.length; j++) {
        List<byte[]> pieces =
            List.of(
                Arrays.copyOf(bytes, i),
                Arrays.copyOfRange(bytes, i, j),
                Arrays.copyOfRange(bytes, j, bytes.length));
        assertThat(decode(pieces)).as("cut at %d and %d", i, j).isEqualTo(expected);
      }
    }
    List<byte[]> single = new java.util.ArrayList<>();
    for (byte octet : bytes) {
      single.add(new byte[] {octet});
    }
    assertThat(decode(single)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "plain",
        "naïve café",
        "東京タワー、こんにちは。",
        "🐍👩‍💻🇯🇵",
        "\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufeff\ufffd\uffff",
        "\ud800\udc00\udbff\udfff",
        ""
      })
  void append_wellFormedText_comesBackFromEverySplit(String text) {
    checkEverySplit(text.getBytes(StandardCharsets.UTF_8), text);
  }

  /** Sequences and results of The Unicode Standard, tables 3-8 to 3-11, and their neighbours. */
  @ParameterizedTest
  @CsvSource({
    "c0af e080bf f08182 41, ????????A",
    "eda080 edbfbf edaf 41, ????????A",
    "f4919293 ff 41 80bf 42, ?????A??B",
    "e180 e2 f09192 f1bf 41, ????A",
    "61 f18080 e180 c2 62 80 63 80 bf 64, a???b?c??d",
    "ff, ?",
    "c2, ?",
    "e6 97, ?",
    "f0 9f 98, ?",
    "f0 9f 98 f0 9f 98 80, ?😀",
    "e3 81 e3 81 82, ?あ",
    "f5 80 80 80, ????",
    "f4 90 80 80, ????",
    "e0 9f bf, ???",
    "c3 28, ?(",
    "fe ff, ??",
  })
  void append_illFormedBytes_becomeOneReplacementForEachMaximalSubpart(
      String hex, String expected) {
    checkEverySplit(HexFormat.of().parseHex(hex.replace(" ", "")), expected.replace('?', '\ufffd'));
  }

  @Test
  void append_randomBytes_neitherFailsNorDependsOnTheSplit() {
    Random random = new Random(9);
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = new byte[1 + random.nextInt(12)];
      random.nextBytes(bytes);
      for (int i = 0; i < bytes.length; i++) {
        // mostly bytes that can be part of longer characters
        bytes[i] |= (byte) (random.nextInt(4) > 0 ? 0x80 : 0);
      }
      String whole = decode(List.of(bytes));
      int cut = random.nextInt(bytes.length + 1);
      assertThat(
              decode(
                  List.of(Arrays.copyOf(bytes, cut), Arrays.copyOfRange(bytes, cut, bytes.length))))
          .isEqualTo(whole);
      assertThat(whole.isEmpty()).isFalse();
    }
  }

  @Test
  void append_incompleteCharacter_waits() {
    Utf8Assembler assembler = new Utf8Assembler();
    byte[] bytes = "a😀b".getBytes(StandardCharsets.UTF_8);

    assertThat(assembler.append(bytes, 0, 3)).isEqualTo("a");
    assertThat(assembler.pendingBytes()).isEqualTo(2);
    assertThat(assembler.append(bytes, 3, 1)).isEmpty();
    assertThat(assembler.pendingBytes()).isEqualTo(3);
    assertThat(assembler.append(bytes, 4, 2)).isEqualTo("😀b");
    assertThat(assembler.pendingBytes()).isZero();
    assertThat(assembler.flush()).isEmpty();

    assembler.append(bytes, 0, 4);
    assertThat(assembler.flush()).isEqualTo("\ufffd");
    assertThat(assembler.append(bytes, 0, 1)).isEqualTo("a");
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> assembler.append(bytes, 5, 2));
  }
}
