package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {

  @TempDir Path folder = Path.of("");

  private static MemorySegment floats(float... values) {
    return MemorySegment.ofArray(values);
  }

  @Test
  void write_smallFile_isByteForByteTheHandWrittenOne() throws IOException {
    Path path = folder.resolve("m.gguf");
    new GgufWriter()
        .put("general.architecture", GgufType.STRING, "mamba")
        .put("u8", GgufType.UINT8, 200)
        .put("i8", GgufType.INT8, -3)
        .put("u16", GgufType.UINT16, 60000)
        .put("i16", GgufType.INT16, (short) -2)
        .put("u32", GgufType.UINT32, 0xffffffffL)
        .put("i32", GgufType.INT32, -5)
        .put("f32", GgufType.FLOAT32, 1e-5)
        .put("bool", GgufType.BOOL, true)
        .put("u64", GgufType.UINT64, 1L << 40)
        .put("i64", GgufType.INT64, Long.MIN_VALUE)
        .put("f64", GgufType.FLOAT64, 0.1)
        .putArray("texts", GgufType.STRING, List.of("a", "é"))
        .putArray("types", GgufType.INT32, List.of(1, -1))
        .addFloats("w", StoredType.F32, List.of(2L, 3L), floats(1, 2, 3, 4, 5, 6))
        .addFloats("h", StoredType.F16, List.of(3L), floats(1, -2, 65504))
        .addFloats("b", StoredType.BF16, List.of(), floats(1 + 0x1p-7f))
        .write(path);

    GgufBytes expected = GgufBytes.begin(3, 14);
    expected.key("general.architecture", 8).text("mamba");
    expected.key("u8", 0).u8(200).key("i8", 1).u8(253).key("u16", 2).u16(60000);
    expected.key("i16", 3).u16(0xfffe).key("u32", 4).u32(-1).key("i32", 5).u32(-5);
    expected.key("f32", 6).f32(1e-5f).key("bool", 7).u8(1).key("u64", 10).u64(1L << 40);
    expected.key("i64", 11).u64(Long.MIN_VALUE).key("f64", 12);
    expected.u64(Double.doubleToLongBits(0.1));
    expected.key("texts", 9).u32(8).u64(2).text("a").text("é");
    expected.key("types", 9).u32(5).u64(2).u32(1).u32(-1);
    expected.tensor("w", 0, 0, 3, 2).tensor("h", 1, 32, 3).tensor("b", 30, 64);
    expected.pad(32).f32(1, 2, 3, 4, 5, 6).pad(32).u16(0x3c00).u16(0xc000).u16(0x7bff).pad(32);
    expected.u16(0x3f81).pad(32);
    assertThat(Files.readAllBytes(path)).isEqualTo(expected.build());
  }

  @Test
  void write_q8_largerThanTheBuffer_isWhatTheQuantiserGives() throws IOException {
    long rows = 1 << 15;
    float[] values = new float[(int) rows * 96];
    Random random = new Random(5);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    byte[] blocks = new byte[values.length / 32 * 34];
    QuantizedBlocks.quantizeQ80(floats(values), MemorySegment.ofArray(blocks), values.length);
    Path path = folder.resolve("m.gguf");
    new GgufWriter()
        .addFloats("q", StoredType.Q8_0, List.of(rows, 96L), floats(values))
        .write(path);
    try (GgufFile file = GgufFile.open(path)) {
      TensorEntry q = file.require("q");
      assertThat(q.shape()).containsExactly(rows, 96L);
      assertThat(q.bytes().mismatch(MemorySegment.ofArray(blocks))).isEqualTo(-1);
    }
  }

  @Test
  void write_fromAnotherFile_copiesMetadataAndBlocksAsTheyLie() throws IOException {
    Path first = folder.resolve("a.gguf");
    byte[] blocks = new byte[2 * 144];
    new Random(3).nextBytes(blocks);
    new GgufWriter()
        .alignment(128)
        .putArray("tokens", GgufType.STRING, List.of("x", "y"))
        .put("n", GgufType.INT16, 4)
        .add("k", StoredType.Q4_K, List.of(2L, 256L), MemorySegment.ofArray(blocks))
        .write(first);
    Path second = folder.resolve("b.gguf");
    try (GgufFile file = GgufFile.open(first)) {
      assertThat(file.keyValues().requireInt("general.alignment")).isEqualTo(128);
      GgufWriter writer = new GgufWriter().alignment(128);
      writer.copy("tokens", file.keyValues()).copy("n", file.keyValues());
      for (TensorEntry entry : file.entries()) {
        writer.add(entry.name(), entry.type(), entry.shape(), entry.bytes());
      }
      writer.write(second);
    }
    assertThat(Files.mismatch(first, second)).isEqualTo(-1);
  }

  @Test
  void put_valueThatDoesNotFit_namesTheKey() {
    GgufWriter writer = new GgufWriter();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.put("k", GgufType.UINT8, 256))
        .withMessage("GgufWriter: k is 256, expected UINT8");
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("k", GgufType.INT8, 128));
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("k", GgufType.UINT32, -1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.put("k", GgufType.INT32, 1L << 31));
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("k", GgufType.INT32, 1.5));
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("k", GgufType.STRING, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("k", GgufType.ARRAY, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.putArray("k", GgufType.INT8, List.of(1, 1000)))
        .withMessage("GgufWriter: k is 1000, expected INT8");
    assertThatIllegalArgumentException().isThrownBy(() -> writer.put("", GgufType.INT8, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.put("general.alignment", GgufType.UINT32, 64))
        .withMessageContaining("alignment(bytes)");
    assertThatIllegalArgumentException().isThrownBy(() -> writer.alignment(48));
  }

  @Test
  void add_badArguments_nameTheTensor() {
    GgufWriter writer = new GgufWriter().addFloats("a", StoredType.F32, List.of(1L), floats(1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("a", StoredType.F32, List.of(1L), floats(1)))
        .withMessage("GgufWriter: a is taken, expected a new name");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("b", StoredType.Q6_K, List.of(256L), floats()))
        .withMessageContaining("cannot store floats as Q6_K");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("b", StoredType.Q8_0, List.of(33L), floats()))
        .withMessageContaining("last axis that is a multiple of 32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("b", StoredType.F32, List.of(2L), floats(1)))
        .withMessage("GgufWriter: b has 4 bytes as F32, expected 8 for shape [2]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.add("b", StoredType.U8, List.of(1L), floats(1).asSlice(0, 1)))
        .withMessage("GgufWriter: b is U8, which GGUF lacks");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> writer.addFloats("b", StoredType.F32, List.of(1L, 1L, 1L, 1L, 1L), floats(1)))
        .withMessageContaining("expected at most 4 axes");
  }
}
