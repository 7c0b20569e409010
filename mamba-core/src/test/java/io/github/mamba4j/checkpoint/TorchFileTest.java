package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {

  private static final String EMPTY_DICT = "}";

  @TempDir Path folder = Path.of("");

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("pytorch_model.bin"), bytes);
  }

  private Path archive(byte[] pickle, byte[]... storages) throws IOException {
    ZipBytes zip = new ZipBytes().add("m/data.pkl", pickle);
    for (int i = 0; i < storages.length; i++) {
      zip.add("m/data/" + i, storages[i]);
    }
    return write(zip.build());
  }

  private static byte[] floats(int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putFloat(i);
    }
    return bytes.array();
  }

  private static long[] dims(long... numbers) {
    return numbers;
  }

  /** One float tensor over a storage of 12 elements. */
  private Path view(long offset, long[] shape, long[] strides) throws IOException {
    PickleBytes pickle = PickleBytes.begin().ops(EMPTY_DICT);
    pickle.tensor("w", "FloatStorage", "0", 12, offset, shape, strides).ops("s.");
    return archive(pickle.build(), floats(12));
  }

  private static void assertRefused(Path path, String... parts) {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> TorchFile.open(path).close())
        .satisfies(e ->
            assertThat(e.getMessage())
                .startsWith(path + ": ")
                .contains(parts)
                .doesNotContain("\n"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mamba1-tiny", "mamba2-tiny"})
  void open_originalLayout_holdsTheTensorsOfItsSafetensorsTwinBitForBit(String name)
      throws IOException {
    try (TorchFile original =
            TorchFile.open(Fixtures.path(name + "-statespaces/pytorch_model.bin"));
        SafetensorsFile twin = SafetensorsFile.open(Fixtures.path(name + "/model.safetensors"))) {
      for (TensorEntry expected : twin.entries()) {
        String key = expected.name().replace("backbone.embeddings.", "backbone.embedding.");
        TensorEntry actual = original.require(key);
        assertThat(actual.type()).isEqualTo(expected.type());
        assertThat(actual.shape()).as(key).isEqualTo(expected.shape());
        assertThat(actual.bytes().mismatch(expected.bytes())).as(key).isEqualTo(-1);
      }
      // a tied head is stored once in the twin and twice in the original
      boolean tied = twin.find("lm_head.weight") == null;
      assertThat(original.names()).hasSize(twin.names().size() + (tied ? 1 : 0));
      TensorEntry head = original.require("lm_head.weight");
      TensorEntry embedding = original.require("backbone.embedding.weight");
      assertThat(head.bytes().mismatch(embedding.bytes()) < 0).isEqualTo(tied);
    }
  }

  @Test
  void open_sharedStorage_givesViewsOfTheSameBytes() throws IOException {
    PickleBytes pickle = PickleBytes.begin().global("collections", "OrderedDict").ops(")R(");
    pickle.tensor("a", "FloatStorage", "0", 12, 0, dims(3, 4), dims(4, 1));
    pickle.tensor("b", "FloatStorage", "0", 12, 4, dims(4), dims(1));
    pickle.tensor("none", "FloatStorage", "0", 12, 12, dims(0, 7), dims(7, 1)).ops("u");
    // what a module adds as the dict's state: its version metadata
    pickle.ops("}").text("_metadata").ops("}sb.");
    try (TorchFile file = TorchFile.open(archive(pickle.build(), floats(12)))) {
      assertThat(file.names()).containsExactly("a", "b", "none");
      assertThat(file.require("b").toFloatArray()).containsExactly(4, 5, 6, 7);
      assertThat(file.require("none").toFloatArray()).isEmpty();
      assertThat(file.require("a").bytes().asSlice(16, 16).address())
          .isEqualTo(file.require("b").bytes().address());
      assertThat(file.require("a").bytes().isReadOnly()).isTrue();
    }
  }

  @Test
  void open_stridedTensors_arePackedRowMajor() throws IOException {
    try (TorchFile file = TorchFile.open(view(0, dims(4, 3), dims(1, 4)))) {
      assertThat(file.require("w").toFloatArray())
          .containsExactly(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
    }
    try (TorchFile file = TorchFile.open(view(1, dims(2, 1, 3), dims(6, 99, 2)))) {
      assertThat(file.require("w").toFloatArray()).containsExactly(1, 3, 5, 7, 9, 11);
    }
    try (TorchFile file = TorchFile.open(view(3, dims(2, 2, 2), dims(0, 1, 4)))) {
      assertThat(file.require("w").toFloatArray()).containsExactly(3, 7, 4, 8, 3, 7, 4, 8);
    }
    try (TorchFile file = TorchFile.open(view(11, dims(), dims()))) {
      assertThat(file.require("w").shape()).isEmpty();
      assertThat(file.require("w").toFloatArray()).containsExactly(11);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FloatStorage, F32", "HalfStorage, F16", "BFloat16Storage, BF16", "DoubleStorage, F64",
    "LongStorage, I64", "IntStorage, I32", "ShortStorage, I16", "CharStorage, I8",
    "ByteStorage, U8", "BoolStorage, BOOL"
  })
  void open_everyStorageType_hasItsStoredType(String storage, StoredType type) throws IOException {
    byte[] data = new byte[6 * type.byteSize()];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i / type.byteSize() == 4 ? 1 : 0);
    }
    PickleBytes pickle = PickleBytes.begin().ops(EMPTY_DICT);
    // transposed, so that every element width is gathered
    pickle.tensor("w", storage, "0", 6, 0, dims(3, 2), dims(1, 3)).ops("s.");
    try (TorchFile file = TorchFile.open(archive(pickle.build(), data))) {
      TensorEntry entry = file.require("w");
      assertThat(entry.type()).isEqualTo(type);
      byte[] packed = entry.bytes().toArray(ValueLayout.JAVA_BYTE);
      for (int i = 0; i < packed.length; i++) {
        assertThat(packed[i]).isEqualTo((byte) (i / type.byteSize() == 3 ? 1 : 0));
      }
    }
  }

  @Test
  void open_parameterAndMemo_areUnderstood() throws IOException {
    PickleBytes pickle = PickleBytes.begin().ops("}q\1(").text("w").ops("r\2\0\0\0");
    pickle.global("torch._utils", "_rebuild_parameter").ops("(");
    pickle.global("torch._utils", "_rebuild_tensor_v2").ops("(");
    pickle.storage("FloatStorage", "0", 12).op(0x8a, 1, 2, 'M', 3, 0, 0x85, 'K', 1, 0x85, 0x89);
    pickle.global("collections", "OrderedDict").op(')', 0x81, 't', 'R');
    pickle.op(0x88).global("collections", "OrderedDict").ops(")RtR").ops("u.");
    try (TorchFile file = TorchFile.open(archive(pickle.build(), floats(12)))) {
      assertThat(file.require("w").toFloatArray()).containsExactly(2, 3, 4);
    }
  }

  @Test
  void open_zip64_isRead() throws IOException {
    PickleBytes pickle = PickleBytes.begin().ops(EMPTY_DICT);
    pickle.tensor("w", "FloatStorage", "0", 3, 0, dims(3), dims(1)).ops("s.");
    byte[] zip =
        new ZipBytes()
            .add("m/data.pkl", pickle.build())
            .add("m/byteorder", new byte[] {'l', 'i', 't', 't', 'l', 'e'})
            .add("m/data/0", floats(3))
            .build64();
    try (TorchFile file = TorchFile.open(write(zip))) {
      assertThat(file.require("w").toFloatArray()).containsExactly(0, 1, 2);
    }
  }

  @Test
  void open_fiveGibibytes_takesNoHeap() throws IOException {
    long elements = 5L << 30;
    PickleBytes pickle = PickleBytes.begin().ops(EMPTY_DICT);
    pickle.tensor("big", "ByteStorage", "0", elements, 0, dims(elements), dims(1)).ops("s.");
    ZipBytes zip = new ZipBytes().add("m/data.pkl", pickle.build()).add("m/data/0", new byte[0]);
    Path path = write(zip.entriesOnly());
    // a sparse file: the hole takes no space on disk
    try (RandomAccessFile raw = new RandomAccessFile(path.toFile(), "rw")) {
      raw.seek(raw.length() + elements);
      raw.write(zip.tail64(elements));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    try (TorchFile file = TorchFile.open(path)) {
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(4 << 20);
      assertThat(file.require("big").elementCount()).isEqualTo(elements);
      assertThat(file.require("big").bytes().get(ValueLayout.JAVA_BYTE, elements - 1)).isZero();
    } finally {
      Files.delete(path);
    }
  }

  @Test
  void open_viewBeyondItsStorage_saysBoth() throws IOException {
    String expected = "expected a view of its storage of 12 elements";
    assertRefused(view(0, dims(13), dims(1)), "tensor w has shape [13], strides [1]", expected);
    assertRefused(view(1, dims(12), dims(1)), "offset 1", expected);
    assertRefused(view(-1, dims(1), dims(1)), "offset -1", expected);
    assertRefused(view(12, dims(), dims()), expected);
    assertRefused(view(0, dims(3), dims(-1)), expected);
    assertRefused(view(0, dims(3, 4), dims(1)), expected);
    assertRefused(view(0, dims(3, 4), dims(5, 1)), expected);
    assertRefused(view(0, dims(2), dims(Long.MAX_VALUE)), expected);
    assertRefused(view(Long.MAX_VALUE, dims(2), dims(1)), expected);
    assertRefused(view(0, dims(1L << 32, 1L << 32), dims(0, 0)), "more bytes than 63 bits count");
    assertRefused(view(0, dims(-3), dims(1)), "expected no negative axis");
  }

  @Test
  void open_expandedTensorLargerThanTheFile_isNotCopied() throws IOException {
    assertRefused(
        view(0, dims(1L << 40), dims(0)),
        "tensor w with shape [1099511627776] and strides [0] needs a packed copy of 4398046511104"
            + " bytes");
  }

  @Test
  void open_storageOfAnotherSize_saysBoth() throws IOException {
    PickleBytes pickle = PickleBytes.begin().ops(EMPTY_DICT);
    pickle.tensor("w", "FloatStorage", "0", 12, 0, dims(12), dims(1)).ops("s.");
    assertRefused(
        archive(pickle.build(), floats(11)),
        "tensor w has a storage 0 of 44 bytes, expected 12 elements of F32");
    assertRefused(archive(pickle.build()), "has no entry m/data/0");
  }

  @Test
  void open_pickleNamingAnotherClass_isNotExecuted() throws IOException {
    PickleBytes pickle = PickleBytes.begin().global("posix", "system").text("touch x");
    assertRefused(
        archive(pickle.op(0x85, 'R', '.').build()), "pickle: byte ", "names posix.system");
    assertRefused(
        archive(PickleBytes.begin().global("torch", "load").ops(".").build()), "names torch.load");
    assertRefused(
        archive(PickleBytes.begin().global("builtins", "x".repeat(300)).build()),
        "GLOBAL has a name of more than 256 bytes");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`].` | pickle holds a list, expected a dict from name to tensor",
        "`N.` | pickle holds None",
        "`).` | pickle holds a tuple of 0",
        "`}U\1wNs.` | pickle entry w is None, expected a tensor",
        "`}U\1wK\5s.` | pickle entry w is the integer 5, expected a tensor",
        "`}K\1Ns.` | pickle has the key 1, expected names",
        "`}}}s.` | uses a dict of 0 as a key",
        "`}U\1wNU\1wNu.` | takes values up to a MARK, but there is none",
        "`}(U\1wNU\1wNu.` | sets the key w twice",
        "`}(U\1wu.` | sets 1 items, expected pairs",
        "`]NNs.` | sets items of a list, expected a dict",
        "`}Na.` | appends 1 values to a dict of 0",
        "`(}.` | STOP comes before the end",
        "`}}.` | STOP comes before the end",
        "`}.N` | STOP comes before the end",
        "`a.` | takes more values from the stack than there are",
        "`q\1.` | looks at an empty stack",
        "`h\7.` | recalls the value 7, which was never kept",
        "`NQ.` | refers to None, expected ('storage'",
        "`N)R.` | calls None with 0 arguments",
        "`NNR.` | calls with None, expected a tuple",
        "`ccollections\nOrderedDict\n(Nt\u0081.` | calls collections.OrderedDict with 1 arguments",
        "`ctorch._utils\n_rebuild_tensor_v2\n)R.` | rebuilds a tensor from 0 arguments",
        "`N}b.` | gives state to None",
        "`X\u00ff\u00ff\u00ff\u00ff` | BINUNICODE has 4294967295 bytes, expected at most 10000",
        "`U\2\u00ff\u00fe` | SHORT_BINSTRING is not UTF-8 text",
        "`U\5ab` | SHORT_BINSTRING needs 5 bytes, but only 2 follow",
        "`\u008a\11` | integer has 9 bytes, expected at most 8",
        "`\u0080\4.` | has protocol 4, expected 2",
        "`\u0095` | opcode 0x95 is none of a protocol 2 state dict",
        "`i` | opcode 0x69",
        "`}` | opcode needs 1 bytes, but only 0 follow",
      })
  void open_badPickle_saysWhatIsWrongInOneLine(String ops, String message) throws IOException {
    assertRefused(archive(PickleBytes.begin().ops(ops).build()), "pickle", message);
  }

  @Test
  void open_hugePickles_costLittle() throws IOException {
    byte[] nested = new byte[3_000_000];
    for (String ops : List.of("(", "]", "}", "N", ")")) {
      Arrays.fill(nested, (byte) ops.charAt(0));
      assertRefused(archive(nested), "makes more than 2000000 values");
    }
    Arrays.fill(nested, (byte) 0x85);
    nested[0] = ')';
    // tuples in tuples: nothing recurses
    assertRefused(archive(nested), "makes more than 2000000 values");
    assertRefused(archive(new byte[PickleReader.MAX_BYTES + 1]), "pickle has 16777217 bytes");
  }

  @Test
  void open_badArchive_saysWhatIsWrong() throws IOException {
    byte[] pickle = PickleBytes.begin().ops("}.").build();
    byte[] good = new ZipBytes().add("m/data.pkl", pickle).build();
    TorchFile.open(write(good)).close();

    assertRefused(write(new byte[0]), "has no ZIP end record in its 0 bytes");
    assertRefused(write(Arrays.copyOf(good, good.length - 1)), "has no ZIP end record");
    assertRefused(
        write(Arrays.copyOfRange(good, 1, good.length)),
        "ZIP directory is at byte 49 with 56 bytes, expected it to end before byte 104");
    assertRefused(
        write(new ZipBytes().add("m/data.pkl", pickle, 8, 0).build()),
        "entry m/data.pkl is compressed (method 8,");
    assertRefused(
        write(new ZipBytes().add("m/data.pkl", pickle, 0, 1).build()), "m/data.pkl is encrypted");
    assertRefused(
        write(new ZipBytes().add("m/data.pkl", pickle).add("m/data.pkl", pickle).build()),
        "has two entries m/data.pkl");
    assertRefused(
        write(new ZipBytes().add("a/data.pkl", pickle).add("b/data.pkl", pickle).build()),
        "has 2 entries <folder>/data.pkl, expected one");
    assertRefused(
        write(new ZipBytes().add("data.pkl", pickle).build()), "has 0 entries <folder>/data.pkl");
    assertRefused(
        write(
            new ZipBytes()
                .add("m/data.pkl", pickle)
                .add("m/byteorder", new byte[] {'b', 'i', 'g'})
                .build()),
        "expected little-endian");
  }

  @Test
  void open_entriesThatOverlapOrLieOutside_areRefused() throws IOException {
    byte[] pickle = PickleBytes.begin().ops("}.").build();
    ZipBytes zip = new ZipBytes().add("m/data.pkl", pickle).add("m/data/0", new byte[8]);
    assertRefused(write(zip.declare(8, 0).build()), "begins at byte 0, expected 49 to ");
    assertRefused(
        write(zip.declare(0x7fffffff, 49).build()), "entry m/data/0 has 2147483647 bytes");
    assertRefused(write(zip.declare(8, 1 << 20).build()), "begins at byte 1048576");
    assertRefused(write(zip.declare(8, 50).build()), "entry m/data/0 has no ZIP header at byte 50");
    assertRefused(write(zip.declare(-8, 49).build64()), "entry m/data/0 has 18446744073709551608");
    assertRefused(write(zip.declare(8, -49).build64()), "begins at byte 18446744073709551567");
  }
}
