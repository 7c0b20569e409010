package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {

  @TempDir Path folder = Path.of("");

  private Path write(GgufBytes bytes) throws IOException {
    return Files.write(folder.resolve("model.gguf"), bytes.build());
  }

  private void assertRefused(GgufBytes bytes, String... parts) throws IOException {
    Path path = write(bytes);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> GgufFile.open(path).close())
        .satisfies(e ->
            assertThat(e.getMessage())
                .startsWith(path + ": ")
                .contains(parts)
                .doesNotContain("\n"));
  }

  private static GgufBytes everyType() {
    GgufBytes bytes = GgufBytes.begin(0, 15);
    bytes.key("u8", 0).u8(255).key("i8", 1).u8(255).key("u16", 2).u16(65535);
    bytes.key("i16", 3).u16(65535).key("u32", 4).u32(-1).key("i32", 5).u32(-1);
    bytes.key("f32", 6).f32(0.1f).key("bool", 7).u8(1).key("text", 8).text("日本 %s");
    bytes.key("u64", 10).u64(-1).key("i64", 11).u64(-1).key("f64", 12);
    bytes.u64(Double.doubleToLongBits(0.1));
    bytes.key("texts", 9).u32(8).u64(2).text("a").text("Ġb");
    bytes.key("i32s", 9).u32(5).u64(3).u32(1).u32(-2).u32(3);
    bytes.key("nested", 9).u32(9).u64(2).u32(6).u64(1).f32(1.5f).u32(7).u64(2).u8(0).u8(1);
    return bytes;
  }

  @Test
  void metadata_ofEveryType_isDecoded() throws IOException {
    try (GgufFile file = GgufFile.open(write(everyType()))) {
      GgufMetadata values = file.keyValues();
      assertThat(values.requireLong("u8")).isEqualTo(255);
      assertThat(values.requireLong("i8")).isEqualTo(-1);
      assertThat(values.requireInt("u16")).isEqualTo(65535);
      assertThat(values.requireInt("i16")).isEqualTo(-1);
      assertThat(values.requireLong("u32")).isEqualTo(0xffffffffL);
      assertThat(values.requireInt("i32")).isEqualTo(-1);
      assertThat(values.requireDouble("f32")).isEqualTo(0.1f);
      assertThat(values.booleanOr("bool", false)).isTrue();
      assertThat(values.requireString("text")).isEqualTo("日本 %s");
      assertThat(values.require("u64")).isEqualTo(-1L);
      assertThat(values.requireLong("i64")).isEqualTo(-1);
      assertThat(values.requireDouble("f64")).isEqualTo(0.1);
      assertThat(values.requireStrings("texts")).containsExactly("a", "Ġb");
      assertThat(values.requireLongs("i32s")).containsExactly(1, -2, 3);
      assertThat(values.require("nested")).isEqualTo(List.of(List.of(1.5), List.of(false, true)));
      assertThat(values.intOr("none", 7)).isEqualTo(7);
      assertThat(values.longOr("none", 8)).isEqualTo(8);
      assertThat(values.doubleOr("none", 0.5)).isEqualTo(0.5);
      assertThat(values.booleanOr("none", true)).isTrue();
      assertThat(values.stringOr("none", "x")).isEqualTo("x");
      assertThat(values.type("texts")).isEqualTo(GgufType.ARRAY);
      assertThat(values.type("none")).isNull();
      assertThat(values.keys()).hasSize(15).startsWith("u8", "i8");
      assertThat(file.metadata())
          .contains(Map.entry("bool", "true"), Map.entry("texts", "STRING[2]"))
          .contains(Map.entry("i16", "-1"), Map.entry("text", "日本 %s"));
    }
  }

  @Test
  void metadata_ofAnotherType_saysKeyExpectedAndFound() throws IOException {
    try (GgufFile file = GgufFile.open(write(everyType()))) {
      GgufMetadata values = file.keyValues();
      Map<String, ThrowingRead> bad =
          Map.of(
              "metadata none is missing, expected an integer", () -> values.requireLong("none"),
              "metadata u64 is UINT64 18446744073709551615, expected an integer of 63 bits",
                  () -> values.requireLong("u64"),
              "metadata u32 is 4294967295, expected a 32-bit integer",
                  () -> values.requireInt("u32"),
              "metadata text is STRING, expected an integer of 63 bits",
                  () -> values.requireLong("text"),
              "metadata i32s is INT32[3], expected an array of strings",
                  () -> values.requireStrings("i32s"),
              "metadata texts is STRING[2], expected an array of integers",
                  () -> values.requireLongs("texts"),
              "metadata texts is STRING[2], expected an array of floating numbers",
                  () -> values.requireFloats("texts"),
              "metadata u8 is UINT8 255, expected true or false",
                  () -> values.booleanOr("u8", true),
              "metadata u8 is UINT8 255, expected a floating number",
                  () -> values.requireDouble("u8"),
              "metadata bool is BOOL, expected a string", () -> values.requireString("bool"));
      bad.forEach((message, read) ->
          assertThatExceptionOfType(CheckpointException.class)
              .isThrownBy(read::run)
              .withMessage(file.path() + ": " + message));
    }
  }

  /** A read that fails. */
  private interface ThrowingRead {
    void run() throws IOException;
  }

  @Test
  void metadata_thatCannotBeDecoded_isRefusedWhenAsked() throws IOException {
    GgufBytes bytes = GgufBytes.begin(0, 2).key("text", 8).u64(1).u8(0xff).key("bool", 7).u8(2);
    try (GgufFile file = GgufFile.open(write(bytes))) {
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.keyValues().requireString("text"))
          .withMessageContaining("text is not UTF-8 text");
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.keyValues().booleanOr("bool", true))
          .withMessageContaining("metadata bool is a BOOL of 2, expected 0 or 1");
      assertThat(file.metadata()).containsEntry("text", "undecodable STRING");
    }
  }

  @Test
  void open_tensors_haveShapesOutermostFirst() throws IOException {
    GgufBytes bytes =
        GgufBytes.begin(3, 1)
            .key("general.alignment", 4)
            .u32(64)
            .tensor("b", 1, 64, 2)
            .tensor("a", 0, 0, 3, 2)
            .tensor("none", 0, 128, 5, 0)
            .pad(64)
            .f32(1, 2, 3, 4, 5, 6)
            .pad(64)
            .u16(0x3c00)
            .u16(0xfc00)
            .pad(64);
    try (GgufFile file = GgufFile.open(write(bytes))) {
      assertThat(file.names()).containsExactly("a", "b", "none");
      assertThat(file.require("a").shape()).containsExactly(2L, 3L);
      assertThat(file.require("a").toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(file.require("b").type()).isEqualTo(StoredType.F16);
      assertThat(file.require("b").toFloatArray()).containsExactly(1, Float.NEGATIVE_INFINITY);
      assertThat(file.require("none").elementCount()).isZero();
    }
  }

  @Test
  void open_blockTensor_isDequantisedOnRead() throws IOException {
    GgufBytes bytes = GgufBytes.begin(1, 0).tensor("q", 8, 0, 32, 2).pad(32);
    for (int row = 0; row < 2; row++) {
      bytes.u16(0x3800);
      for (int i = 0; i < 32; i++) {
        bytes.u8(row == 0 ? i : -i & 255);
      }
    }
    try (GgufFile file = GgufFile.open(write(bytes))) {
      TensorEntry q = file.require("q");
      assertThat(q.type()).isEqualTo(StoredType.Q8_0);
      assertThat(q.shape()).containsExactly(2L, 32L);
      assertThat(q.elementCount()).isEqualTo(64);
      assertThat(q.bytes().byteSize()).isEqualTo(68);
      float[] values = q.toFloatArray();
      for (int i = 0; i < 32; i++) {
        assertThat(values[i]).isEqualTo(0.5f * i);
        assertThat(values[32 + i]).isEqualTo(-0.5f * i);
      }
    }
  }

  @Test
  void open_fiveGibibytes_takesNoHeap() throws IOException {
    long elements = 5L << 30;
    GgufBytes bytes = GgufBytes.begin(1, 0).tensor("big", 24, 0, elements).pad(32);
    Path path = write(bytes);
    // a sparse file: the hole takes no space on disk
    try (RandomAccessFile raw = new RandomAccessFile(path.toFile(), "rw")) {
      raw.setLength(raw.length() + elements);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    try (GgufFile file = GgufFile.open(path)) {
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(4 << 20);
      TensorEntry big = file.require("big");
      assertThat(big.bytes().get(ValueLayout.JAVA_BYTE, elements - 1)).isZero();
    } finally {
      Files.delete(path);
    }
  }

  @Test
  void open_badHead_saysWhatIsWrong() throws IOException {
    assertRefused(new GgufBytes().ascii("GGUG").u32(3), "does not begin with GGUF");
    assertRefused(new GgufBytes().ascii("GG"), "magic needs 4 bytes, but only 2 follow");
    assertRefused(new GgufBytes().ascii("GGUF").u32(1), "has version 1, expected 2 or 3");
    assertRefused(new GgufBytes().ascii("GGUF").u32(3 << 24), "has version 3 in big-endian order");
    assertRefused(GgufBytes.begin(-1, 0), "declares 18446744073709551615 tensors");
    assertRefused(GgufBytes.begin(0, 1 << 20), "declares 1048576 metadata values");
    assertRefused(GgufBytes.begin(100_000, 0), "name length needs 8 bytes, but only 0 follow");
  }

  @Test
  void open_badMetadata_saysWhatIsWrong() throws IOException {
    assertRefused(GgufBytes.begin(0, 1).u64(-1), "metadata key has 18446744073709551615 bytes");
    assertRefused(GgufBytes.begin(0, 1).key("k", 13), "metadata k has the unknown type 13");
    assertRefused(
        GgufBytes.begin(0, 2).key("k", 7).u8(1).key("k", 7).u8(1), "metadata k is there twice");
    assertRefused(
        GgufBytes.begin(0, 1).key("k", 8).u64(1L << 62), "string needs 4611686018427387904 bytes");
    assertRefused(
        GgufBytes.begin(0, 1).key("k", 9).u32(10).u64(1L << 61).u64(0),
        "metadata k has 2305843009213693952 elements of UINT64, but only 8 bytes follow");
    GgufBytes nested = GgufBytes.begin(0, 1).key("k", 9);
    for (int i = 0; i < 6; i++) {
      nested.u32(9).u64(1);
    }
    assertRefused(nested, "metadata k nests arrays deeper than 4");
    for (long alignment : new long[] {0, 3, 1L << 25}) {
      assertRefused(
          GgufBytes.begin(0, 1).key("general.alignment", 4).u32(alignment),
          "general.alignment is " + alignment + ", expected a power of two");
    }
    assertRefused(
        GgufBytes.begin(0, 1).key("general.alignment", 8).text("x"),
        "metadata general.alignment is STRING, expected an integer");
  }

  @Test
  void open_badTensors_sayWhichAndWhy() throws IOException {
    GgufBytes good = GgufBytes.begin(1, 0).tensor("a", 0, 0, 2).pad(32).f32(1, 2);
    GgufFile.open(write(good)).close();

    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, 0, 3).pad(32).f32(1, 2),
        "tensor a has 12 bytes (F32 [3]) at offset 0, expected them in 0 to 8");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, 32, 2).pad(32).f32(1, 2),
        "tensor a has 8 bytes (F32 [2]) at offset 32");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, 4, 1).pad(32).f32(1, 2),
        "tensor a has offset 4, expected a multiple of 32");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, -32, 1).pad(32).f32(1, 2),
        "at offset 18446744073709551584");
    assertRefused(
        GgufBytes.begin(2, 0)
            .tensor("a", 0, 0, 9)
            .tensor("b", 0, 32, 1)
            .pad(32)
            .bytes(new byte[64]),
        "tensor b has 4 bytes (F32 [1]) at offset 32, expected them in 36 to 64");
    assertRefused(
        GgufBytes.begin(2, 0)
            .tensor("a", 0, 0, 1)
            .tensor("a", 0, 32, 1)
            .pad(32)
            .bytes(new byte[64]),
        "tensor a is declared twice");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a%d", 10, 0, 256).pad(32).bytes(new byte[84]),
        "tensor a%d is stored as Q2_K, expected F32");
    assertRefused(GgufBytes.begin(1, 0).tensor("a", 99, 0, 1), "stored as ggml type 99");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, 0, 1, 1, 1, 1, 1), "tensor a has 5 axes, expected");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 0, 0, 1L << 32, 1L << 32), "more bytes than 63 bits");
    assertRefused(GgufBytes.begin(1, 0).tensor("a", 0, 0, -1), "expected no negative axis");
    assertRefused(
        GgufBytes.begin(1, 0).tensor("a", 8, 0, 33),
        "tensor a has shape [33] of Q8_0, expected a last axis that is a multiple of 32");
    assertRefused(GgufBytes.begin(1, 0).tensor("a", 14, 0), "multiple of 256");
  }

  @ParameterizedTest
  @CsvSource({
    "2, Q4_0, 18, 32",
    "3, Q4_1, 20, 32",
    "6, Q5_0, 22, 32",
    "7, Q5_1, 24, 32",
    "8, Q8_0, 34, 32",
    "12, Q4_K, 144, 256",
    "13, Q5_K, 176, 256",
    "14, Q6_K, 210, 256"
  })
  void open_blockType_hasItsNumberAndSize(int number, StoredType type, int bytes, int elements)
      throws IOException {
    byte[] blocks = new byte[2 * bytes];
    byte[] whole =
        GgufBytes.begin(1, 0).tensor("a", number, 0, elements, 2).pad(32).bytes(blocks).build();
    try (GgufFile file = GgufFile.open(write(new GgufBytes().bytes(whole)))) {
      assertThat(file.require("a").type()).isEqualTo(type);
      assertThat(file.require("a").toFloatArray())
          .usingComparatorWithPrecision(0f)
          .hasSize(2 * elements)
          .containsOnly(0f);
    }
    assertRefused(new GgufBytes().bytes(Arrays.copyOf(whole, whole.length - 1)), "tensor a has");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 23, 24, 60})
  void open_cutFile_isRefused(int length) throws IOException {
    byte[] whole = GgufBytes.begin(1, 0).tensor("abcdef", 0, 0, 2).pad(32).f32(1, 2).build();
    assertRefused(new GgufBytes().bytes(Arrays.copyOf(whole, length)), "but only ");
  }

  @Test
  void close_thenRead_isIllegalState() throws IOException {
    GgufFile file = GgufFile.open(write(everyType()));
    file.close();
    file.close();
    assertThatIllegalStateException().isThrownBy(() -> file.keyValues().requireString("text"));
  }
}
