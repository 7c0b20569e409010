package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {

  @TempDir Path folder = Path.of("");

  private Path file(String header, int dataBytes) throws IOException {
    return SafetensorsBytes.write(folder, SafetensorsBytes.of(header, dataBytes));
  }

  private static String entry(String name, String type, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, type, shape, begin, end);
  }

  @Test
  void open_referenceModel_hasItsTensors() throws IOException {
    try (SafetensorsFile file =
        SafetensorsFile.open(Fixtures.path("mamba1-tiny/model.safetensors"))) {
      assertThat(file.metadata()).containsOnly(Map.entry("format", "pt"));
      assertThat(file.names()).hasSize(22).contains("backbone.norm_f.weight");
      TensorEntry aLog = file.require("backbone.layers.1.mixer.A_log");
      assertThat(aLog.type()).isEqualTo(StoredType.F32);
      assertThat(aLog.shape()).containsExactly(64L, 8L);
      assertThat(aLog.requireShape(64, 8).elementCount()).isEqualTo(512);
      assertThat(aLog.toFloatArray()).hasSize(512).doesNotContain(Float.NaN);
      assertThat(file.find("lm_head.weight")).isNull();
    }
  }

  @Test
  void open_referenceExpectations_readsIdsAndScalars() throws IOException {
    try (SafetensorsFile file =
        SafetensorsFile.open(Fixtures.path("mamba1-tiny/expected.safetensors"))) {
      TensorEntry ids = file.require("input_ids");
      assertThat(ids.toIntArray()).hasSize((int) ids.elementCount());
      assertThat(Arrays.stream(ids.toIntArray())).allMatch(id -> id >= 0 && id < 97);
      TensorEntry loss = file.require("loss");
      assertThat(loss.elementCount()).isEqualTo(1);
      // the loss is the mean cross-entropy of the logits in the same file
      assertThat((double) loss.toFloatArray()[0]).isCloseTo(meanLoss(file), within());
    }
  }

  private static Offset<Double> within() {
    return Offset.offset(1e-5);
  }

  private static double meanLoss(SafetensorsFile file) throws IOException {
    TensorEntry logits = file.require("logits");
    int[] ids = file.require("input_ids").toIntArray();
    float[] scores = logits.toFloatArray();
    int batch = logits.shape().get(0).intValue();
    int length = logits.shape().get(1).intValue();
    int vocab = logits.shape().get(2).intValue();
    double sum = 0;
    for (int row = 0; row < batch; row++) {
      for (int t = 0; t + 1 < length; t++) {
        double mass = 0;
        for (int v = 0; v < vocab; v++) {
          mass += Math.exp(scores[(row * length + t) * vocab + v]);
        }
        sum += Math.log(mass) - scores[(row * length + t) * vocab + ids[row * length + t + 1]];
      }
    }
    return sum / (batch * (length - 1));
  }

  @Test
  void open_everyFloatingType_widensExactly() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    data.putDouble(1.0 / 3).putDouble(-2);
    data.putFloat(0.1f).putFloat(Float.NaN);
    data.putShort((short) 0x3c01).putShort((short) 0xfc00);
    data.putShort((short) 0x3f81).putShort((short) 0x0001);
    data.put((byte) 0x3c).put((byte) 0xfc);
    data.put((byte) 0x7e).put((byte) 0x81).put((byte) 0xff).put((byte) 0x38);
    String header =
        "{"
            + entry("d", "F64", "[2]", 0, 16)
            + ","
            + entry("f", "F32", "[2]", 16, 24)
            + ","
            + entry("h", "F16", "[2]", 24, 28)
            + ","
            + entry("b", "BF16", "[2]", 28, 32)
            + ","
            + entry("e5", "F8_E5M2", "[2]", 32, 34)
            + ","
            + entry("e4", "F8_E4M3", "[4]", 34, 38)
            + "}";
    byte[] bytes = new byte[38];
    data.get(0, bytes);

    try (SafetensorsFile file =
        SafetensorsFile.open(SafetensorsBytes.write(folder, SafetensorsBytes.of(header, bytes)))) {
      assertThat(file.require("d").toFloatArray()).containsExactly((float) (1.0 / 3), -2f);
      assertThat(file.require("f").toFloatArray()).containsExactly(0.1f, Float.NaN);
      assertThat(file.require("h").toFloatArray())
          .containsExactly(1 + 0x1p-10f, Float.NEGATIVE_INFINITY);
      assertThat(file.require("b").toFloatArray()).containsExactly(1 + 0x1p-7f, 0x1p-133f);
      assertThat(file.require("e5").toFloatArray()).containsExactly(1f, Float.NEGATIVE_INFINITY);
      assertThat(file.require("e4").toFloatArray()).containsExactly(448f, -0x1p-9f, Float.NaN, 1f);
    }
  }

  @Test
  void open_everyIntegerType_widens() throws IOException {
    byte[] data = new byte[30];
    Arrays.fill(data, (byte) 0xff);
    data[29] = 1;
    String header =
        "{"
            + entry("u64", "U64", "[1]", 0, 8)
            + ","
            + entry("i64", "I64", "[]", 8, 16)
            + ","
            + entry("u32", "U32", "[1]", 16, 20)
            + ","
            + entry("i32", "I32", "[1]", 20, 24)
            + ","
            + entry("u16", "U16", "[1]", 24, 26)
            + ","
            + entry("i16", "I16", "[1]", 26, 28)
            + ","
            + entry("i8", "I8", "[1]", 28, 29)
            + ","
            + entry("bool", "BOOL", "[1,1]", 29, 30)
            + "}";

    try (SafetensorsFile file =
        SafetensorsFile.open(SafetensorsBytes.write(folder, SafetensorsBytes.of(header, data)))) {
      assertThat(file.require("u64").toLongArray()).containsExactly(-1);
      assertThat(file.require("i64").toIntArray()).containsExactly(-1);
      assertThat(file.require("u32").toLongArray()).containsExactly(0xffffffffL);
      assertThat(file.require("i32").toLongArray()).containsExactly(-1);
      assertThat(file.require("u16").toLongArray()).containsExactly(0xffff);
      assertThat(file.require("i16").toLongArray()).containsExactly(-1);
      assertThat(file.require("i8").toLongArray()).containsExactly(-1);
      assertThat(file.require("bool").toLongArray()).containsExactly(1);
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.require("u32").toIntArray())
          .withMessageContaining("tensor u32 element 0 is 4294967295");
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.require("i32").toFloatArray())
          .withMessageContaining("tensor i32 is stored as I32, expected a floating type");
    }
  }

  @Test
  void open_emptyAndScalarTensors_areAllowed() throws IOException {
    String header =
        "{\"__metadata__\":{\"a\":\"b\"},"
            + entry("empty", "F32", "[0,5]", 4, 4)
            + ","
            + entry("scalar", "F32", "[]", 0, 4)
            + "}   ";
    try (SafetensorsFile file = SafetensorsFile.open(file(header, 4))) {
      assertThat(file.names()).containsExactly("scalar", "empty");
      assertThat(file.require("empty").toFloatArray()).isEmpty();
      assertThat(file.require("scalar").toFloatArray()).containsExactly(0f);
      assertThat(file.metadata()).containsEntry("a", "b");
    }
    try (SafetensorsFile file = SafetensorsFile.open(file("{}", 0))) {
      assertThat(file.entries()).isEmpty();
    }
  }

  @Test
  void open_largerThanTwoGibibytes_isMapped() throws IOException {
    long bytes = (1L << 31) + 64;
    Path path = file("{" + entry("big", "U8", "[" + bytes + "]", 0, bytes) + "}", 0);
    // a sparse file: the hole takes no space on disk
    try (RandomAccessFile raw = new RandomAccessFile(path.toFile(), "rw")) {
      raw.setLength(raw.length() + bytes);
      raw.seek(raw.length() - 1);
      raw.write(42);
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      TensorEntry big = file.require("big");
      assertThat(big.bytes().get(ValueLayout.JAVA_BYTE, bytes - 1)).isEqualTo((byte) 42);
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(big::toLongArray)
          .withMessageContaining("more than an array holds");
    } finally {
      Files.delete(path);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'a':[F32,[2],0,8],'a':[F32,[2],0,8]} | 8 | tensor a is declared twice",
        "{'a':[F99,[2],0,8]} | 8 | tensor a has the unknown dtype F99",
        "{'a':[F32,[2],0,4]} | 4 | tensor a has shape [2] of F32, expected 8 bytes, but"
            + " data_offsets [0, 4] hold 4",
        "{'a':[F32,[4],0,16]} | 15 | tensor a has data_offsets [0, 16], expected 0 <= begin <= end"
            + " <= 15",
        "{'a':[F32,[2],8,0]} | 8 | tensor a has data_offsets [8, 0]",
        "{'a':[F32,[1],0,4],'b':[F32,[1],8,12]} | 12 | tensor b leaves a hole before it: it begins"
            + " at 8, expected 4",
        "{'a':[F32,[2],0,8],'b':[F32,[2],4,12]} | 12 | tensor b overlaps another one: it begins at"
            + " 4, expected 8",
        "{'a':[F32,[1],0,4]} | 12 | tensors cover 4 bytes of data, expected all 12",
        "{'a':[F32,[1],4,8]} | 8 | tensor a leaves a hole before it",
        "{'a':[F32,[-1],0,4]} | 4 | tensor a has a shape with -1, expected no negative number",
        "{'a':[F32,[1.0],0,4]} | 4 | tensor a has a shape with a non-integer",
        "{'a':[F32,[4294967296,4294967296,4],0,0]} | 0 | more bytes than 63 bits count",
        "{'a':[F32,[9223372036854775807],0,0]} | 0 | more bytes than 63 bits count",
        "{'a':[F32,[9223372036854775808],0,0]} | 0 | not JSON",
        "{'a':[F32,3,0,4]} | 4 | tensor a has a shape that is no array",
        "{'a':{'dtype':'F32','shape':[1]}} | 4 | tensor a has no data_offsets",
        "{'a':{'shape':[1],'data_offsets':[0,4]}} | 4 | tensor a has no dtype",
        "{'a':{'dtype':'F32','data_offsets':[0,4]}} | 4 | tensor a has no shape",
        "{'a':{'dtype':'F32','dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 4 | two members"
            + " dtype",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0]}} | 4 | tensor a has data_offsets [0],"
            + " expected [begin, end]",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4,5]}} | 4 | data_offsets with more than"
            + " 2",
        "{'a':{'dtype':1,'shape':[1],'data_offsets':[0,4]}} | 4 | a dtype that is no string",
        "{'a':3} | 0 | tensor a is declared as VALUE_NUMBER_INT, expected an object",
        "{'__metadata__':{'a':1}} | 0 | __metadata__ entry a is no string",
        "{'__metadata__':{'a':'1','a':'2'}} | 0 | __metadata__ has the key a twice",
        "[] | 0 | header is no JSON object",
        "{} {} | 0 | header goes on after its JSON object",
        "{'a' | 0 | not JSON",
      })
  void open_badHeader_saysWhatIsWrongInOneLine(String header, int dataBytes, String message)
      throws IOException {
    String json =
        header
            .replaceAll(
                "\\[(F\\d+),(\\[[^]]*]|\\d+),(\\d+),(\\d+)]",
                "{'dtype':'$1','shape':$2,'data_offsets':[$3,$4]}")
            .replace('\'', '"');
    Path path = file(json, dataBytes);

    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(path))
        .satisfies(e ->
            assertThat(e.getMessage())
                .startsWith(path + ": ")
                .contains(message)
                .doesNotContain("\n"));
  }

  @Test
  void open_badHeaderLength_saysBothNumbers() throws IOException {
    byte[] good = SafetensorsBytes.of("{}", 0);
    Path cut = SafetensorsBytes.write(folder, Arrays.copyOf(good, 9));
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(cut))
        .withMessage(cut + ": header length is 2 bytes, but only 1 follow; the file is cut short");

    Files.write(cut, new byte[7]);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(cut))
        .withMessage(cut + ": has 7 bytes, expected at least the 8 of the header length");

    for (long length : new long[] {100_000_001L, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
      ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
      Files.write(cut, good);
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> SafetensorsFile.open(cut))
          .withMessageContaining(
              Long.toUnsignedString(length) + " bytes, expected at most 100000000");
    }
  }

  @Test
  void open_headerThatIsNotUtf8_isRefused() throws IOException {
    byte[] bytes = SafetensorsBytes.of("{\"a\":3}", 0);
    bytes[10] = (byte) 0xff;
    Path path = SafetensorsBytes.write(folder, bytes);

    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(path))
        .withMessage(path + ": header: is not UTF-8 text");
  }

  @Test
  void open_noRegularFile_isRefused() {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(folder))
        .withMessage(folder + ": is no regular file, expected a safetensors file");
    Path missing = folder.resolve("missing");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(missing))
        .withMessage(missing + ": does not exist, expected a safetensors file");
  }

  @Test
  void open_hugeNumberOfTensors_isRefusedEarly() throws IOException {
    StringBuilder header = new StringBuilder("{");
    for (int i = 0; i <= 100_000; i++) {
      header.append(i == 0 ? "" : ",").append(entry("t" + i, "F32", "[0]", 0, 0));
    }
    Path path = file(header.append('}').toString(), 0);

    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> SafetensorsFile.open(path))
        .withMessage(path + ": declares more than 100000 tensors");
  }

  @Test
  void close_thenRead_isIllegalState() throws IOException {
    SafetensorsFile file = SafetensorsFile.open(Fixtures.path("mamba1-tiny/model.safetensors"));
    TensorEntry entry = file.require("backbone.norm_f.weight");
    file.close();
    file.close();

    assertThatIllegalStateException().isThrownBy(entry::toFloatArray);
  }

  @Test
  void copyTo_nativeSegment_holdsTheFloats() throws IOException {
    try (SafetensorsFile file =
            SafetensorsFile.open(Fixtures.path("mamba1-tiny/model.safetensors"));
        Arena arena = Arena.ofConfined()) {
      TensorEntry entry = file.require("backbone.norm_f.weight");
      MemorySegment floats = arena.allocate(32 * Float.BYTES, 64);
      entry.copyTo(floats);

      assertThat(floats.toArray(ValueLayout.JAVA_FLOAT)).isEqualTo(entry.toFloatArray());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> entry.copyTo(floats.asSlice(4)))
          .withMessageContaining("needs room for 32 floats, got 124 bytes");
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> entry.requireShape(16, 2))
          .withMessageContaining("tensor backbone.norm_f.weight has shape [32], expected [16, 2]");
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.require("nothing"))
          .withMessageContaining("tensor nothing is missing");
    }
  }

  @Test
  void tensorEntry_sizeThatDoesNotFit_isIllegalArgument() {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new TensorEntry(
                "f", "t", StoredType.F32, List.of(2L), MemorySegment.ofArray(new byte[4])))
        .withMessage("TensorEntry: t has 4 bytes, expected 8 for F32 [2]");
  }
}
