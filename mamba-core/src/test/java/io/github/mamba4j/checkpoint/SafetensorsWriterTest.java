package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class SafetensorsWriterTest {

  static final List<String> REFERENCE_FILES = List.of(Fixtures.SAFETENSORS);

  @TempDir Path folder = Path.of("");

  @Test
  void write_smallFile_isByteForByteTheHandWrittenOne() throws IOException {
    Path path = folder.resolve("a.safetensors");
    new SafetensorsWriter()
        .addFloats("b", List.of(2L), new float[] {1.5f, -2f})
        .add("z", StoredType.U8, List.of(3L), MemorySegment.ofArray(new byte[] {1, 2, 3}))
        .addLongs("a", List.of(), new long[] {7})
        .addFloats("a\"é", List.of(1L, 1L), new float[] {0f})
        .write(path);

    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
            + "\"a\\\"é\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]},"
            + "\"z\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[20,23]}}";
    int bytes = header.getBytes(StandardCharsets.UTF_8).length;
    String padded = header + " ".repeat((8 - bytes % 8) % 8);
    ByteBuffer data = ByteBuffer.allocate(23).order(ByteOrder.LITTLE_ENDIAN);
    data.putLong(7).putFloat(0f).putFloat(1.5f).putFloat(-2f).put(new byte[] {1, 2, 3});
    assertThat(Files.readAllBytes(path)).isEqualTo(SafetensorsBytes.of(padded, data.array()));
  }

  @ParameterizedTest
  @FieldSource("REFERENCE_FILES")
  void write_entriesOfAReferenceFileInAnyOrder_isByteForByteThatFile(String name)
      throws IOException {
    Path reference = Fixtures.path(name);
    Path copy = folder.resolve("copy.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(reference)) {
      List<TensorEntry> entries = new ArrayList<>(file.entries());
      Collections.shuffle(entries, new Random(11));
      SafetensorsWriter writer = new SafetensorsWriter();
      file.metadata().forEach(writer::metadata);
      if (file.metadata().isEmpty()) {
        writer.withoutMetadata();
      }
      for (TensorEntry entry : entries) {
        writer.add(entry.name(), entry.type(), entry.shape(), entry.bytes());
      }
      writer.write(copy);
    }
    assertThat(Files.mismatch(copy, reference)).isEqualTo(-1);
  }

  @Test
  void write_overTheFileBeingRead_works() throws IOException {
    Path path = folder.resolve("m.safetensors");
    Files.copy(Fixtures.path("mamba1-tiny/model.safetensors"), path);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      SafetensorsWriter writer = new SafetensorsWriter();
      for (TensorEntry entry : file.entries()) {
        writer.add(entry.name(), entry.type(), entry.shape(), entry.bytes());
      }
      writer.write(path);
    }
    assertThat(Files.mismatch(path, Fixtures.path("mamba1-tiny/model.safetensors"))).isEqualTo(-1);
  }

  @Test
  void addFloats_narrowTypes_roundToNearestEven() throws IOException {
    Path path = folder.resolve("a.safetensors");
    float[] values = {
      1f,
      1 + 0x1p-8f,
      1 + 0x3p-8f,
      1 + 0x1p-8f + 0x1p-20f,
      -0f,
      3.4e38f,
      Float.POSITIVE_INFINITY,
      Float.NaN,
      Float.intBitsToFloat(0x7f800001),
      0x1p-140f
    };
    MemorySegment floats = MemorySegment.ofArray(values);
    List<Long> shape = List.of((long) values.length);
    new SafetensorsWriter()
        .addFloats("b", StoredType.BF16, shape, floats)
        .addFloats("h", StoredType.F16, shape, floats)
        .addFloats("d", StoredType.F64, shape, floats)
        .write(path);

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.require("b").toFloatArray())
          .containsExactly(
              1f,
              1f,
              1 + 0x1p-6f,
              1 + 0x1p-7f,
              -0f,
              Float.POSITIVE_INFINITY,
              Float.POSITIVE_INFINITY,
              Float.NaN,
              Float.NaN,
              0f);
      float[] halves = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        halves[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
      }
      assertThat(file.require("h").toFloatArray()).isEqualTo(halves);
      assertThat(file.require("d").toFloatArray()).isEqualTo(values);
    }
  }

  @Test
  void write_arraysLargerThanTheBuffer_roundTrip() throws IOException {
    Path path = folder.resolve("a.safetensors");
    int count = (1 << 19) + 37;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) count * Float.BYTES, 64);
      Random random = new Random(3);
      for (int i = 0; i < count; i++) {
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat());
      }
      new SafetensorsWriter()
          .addFloats("f", StoredType.F32, List.of((long) count), floats)
          .addFloats("d", StoredType.F64, List.of((long) count), floats)
          .add("u", StoredType.U8, List.of(4L * count), floats)
          .write(path);
      float[] expected = floats.toArray(ValueLayout.JAVA_FLOAT);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertThat(file.require("f").toFloatArray()).isEqualTo(expected);
        assertThat(file.require("d").toFloatArray()).isEqualTo(expected);
        assertThat(file.require("u").bytes().mismatch(floats)).isEqualTo(-1);
      }
    }
  }

  @Test
  void write_sourceThatIsGone_leavesTheOldFile() throws IOException {
    Path path = folder.resolve("a.safetensors");
    Files.writeString(path, "old");
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Arena arena = Arena.ofConfined()) {
      writer.addFloats("a", List.of(1L), new float[1]);
      writer.addFloats("b", StoredType.F32, List.of(2L), arena.allocate(8));
    }

    assertThatIllegalStateException().isThrownBy(() -> writer.write(path));
    assertThat(path).hasContent("old");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(path);
    }
  }

  @Test
  void add_badArguments_nameTheTensor() {
    SafetensorsWriter writer = new SafetensorsWriter().addFloats("a", List.of(1L), new float[1]);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("a", List.of(1L), new float[1]))
        .withMessage("SafetensorsWriter: a is taken, expected a new name");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("__metadata__", List.of(1L), new float[1]))
        .withMessageContaining("is taken");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("b", List.of(2L, 3L), new float[5]))
        .withMessage("SafetensorsWriter: b has 20 bytes as F32, expected 24 for shape [2, 3]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.addFloats("b", List.of(-1L), new float[5]))
        .withMessageContaining("expected no negative axis");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            writer.addFloats("b", StoredType.I32, List.of(1L), MemorySegment.ofArray(new float[1])))
        .withMessage(
            "SafetensorsWriter: b cannot store floats as I32, expected F32, F16, BF16 or F64");
  }
}
