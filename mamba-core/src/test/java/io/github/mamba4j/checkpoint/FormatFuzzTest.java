package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A fixed corpus of damaged PyTorch, GGUF and sharded files (the safetensors one has its own test):
 * each opens and reads, or is refused in one line, within bounded memory.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FormatFuzzTest {

  private static final int FILES_PER_FORMAT = 600;
  private static final long MAX_HEAP_BYTES = 64 << 20;
  private static final long[] EXTREMES = {
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fffffffL,
    0x80000000L,
    0xffffffffL,
    1L << 32,
    1L << 61,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1
  };

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path folder = Path.of("");

  /** Changes a part of a file, so that long runs of tensor bytes do not take all the blows. */
  private static byte[] mutate(byte[] good, int from, int to, Random random) {
    byte[] bytes = good.clone();
    for (int blows = 1 + random.nextInt(3); blows > 0; blows--) {
      int at = from + random.nextInt(to - from);
      switch (random.nextInt(8)) {
        case 0, 1 -> bytes[Math.min(at, bytes.length - 1)] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[Math.min(at, bytes.length - 1)] = (byte) random.nextInt(256);
        case 3, 4 -> putExtreme(bytes, at, random);
        case 5 -> bytes = splice(bytes, at, random.nextInt(9), random.nextInt(9), random);
        case 6 -> bytes = splice(bytes, at, 0, random.nextInt(200), random);
        default -> bytes = splice(bytes, at, random.nextInt(200), 0, random);
      }
    }
    return random.nextInt(12) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
  }

  private static void putExtreme(byte[] bytes, int at, Random random) {
    int width = 1 << random.nextInt(4);
    byte[] value =
        ByteBuffer.allocate(8)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(EXTREMES[random.nextInt(EXTREMES.length)])
            .array();
    for (int i = 0; i < width && at + i < bytes.length; i++) {
      bytes[at + i] = value[i];
    }
  }

  /** Drops some bytes and puts a copy of others in their place. */
  private static byte[] splice(byte[] bytes, int at, int dropped, int copied, Random random) {
    int begin = Math.min(at, bytes.length);
    int end = Math.min(begin + dropped, bytes.length);
    int source = random.nextInt(Math.max(1, bytes.length - copied));
    int count = Math.min(copied, bytes.length - source);
    return ByteBuffer.allocate(bytes.length - (end - begin) + count)
        .put(bytes, 0, begin)
        .put(bytes, source, count)
        .put(bytes, end, bytes.length - end)
        .array();
  }

  /** False if the file was refused as it should be; anything else fails the test. */
  private boolean openAndReadAll(Path path) throws IOException {
    long before = threads.getCurrentThreadAllocatedBytes();
    boolean read;
    try (CheckpointFile file = CheckpointFile.open(path)) {
      for (TensorEntry entry : file.entries()) {
        long length =
            entry.type().isFloating() ? entry.toFloatArray().length : entry.toLongArray().length;
        assertThat(entry.elementCount()).isEqualTo(length);
      }
      file.metadata();
      if (file instanceof GgufFile gguf) {
        readValues(gguf.keyValues());
      }
      read = true;
    } catch (CheckpointException e) {
      assertThat(e.getMessage())
          .startsWith(folder.toString())
          .doesNotContain("\n")
          .hasSizeLessThan(1000);
      read = false;
    }
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(MAX_HEAP_BYTES);
    return read;
  }

  private static void readValues(GgufMetadata values) {
    for (String key : values.keys()) {
      try {
        assertThat(values.require(key)).isNotNull();
      } catch (CheckpointException e) {
        assertThat(e.getMessage()).doesNotContain("\n");
      }
    }
  }

  private void run(Path path, byte[] good, int from, int to, long seed) throws IOException {
    Files.write(path, good);
    assertThat(openAndReadAll(path)).isTrue();
    Random random = new Random(seed);
    int refused = 0;
    for (int i = 0; i < FILES_PER_FORMAT; i++) {
      Files.write(path, mutate(good, from, to, random));
      refused += openAndReadAll(path) ? 0 : 1;
    }
    assertThat(refused).isBetween(FILES_PER_FORMAT / 4, FILES_PER_FORMAT - 1);
  }

  @Test
  void open_mutatedPickles_areRefusedOrReadable() throws IOException {
    byte[] good = Files.readAllBytes(Fixtures.path("mamba2-tiny-statespaces/pytorch_model.bin"));
    run(folder.resolve("pytorch_model.bin"), good, 60, 60 + 1998, 1);
  }

  @Test
  void open_mutatedZipDirectories_areRefusedOrReadable() throws IOException {
    byte[] good = Files.readAllBytes(Fixtures.path("mamba1-tiny-statespaces/pytorch_model.bin"));
    run(folder.resolve("pytorch_model.bin"), good, 97_936, good.length, 2);
  }

  @Test
  void open_mutatedSmallArchives_areRefusedOrReadable() throws IOException {
    PickleBytes pickle = PickleBytes.begin().ops("}(");
    pickle.tensor("a", "HalfStorage", "0", 12, 1, new long[] {3, 2}, new long[] {1, 4});
    pickle.tensor("b", "LongStorage", "1", 3, 0, new long[] {3}, new long[] {1}).ops("u.");
    ZipBytes zip = new ZipBytes().add("m/data.pkl", pickle.build()).add("m/data/0", new byte[24]);
    byte[] good = zip.add("m/data/1", new byte[24]).add("m/version", new byte[] {'3'}).build64();
    run(folder.resolve("pytorch_model.bin"), good, 0, good.length, 3);
  }

  @Test
  void open_mutatedGguf_areRefusedOrReadable() throws IOException {
    Path path = folder.resolve("model.gguf");
    MemorySegment floats = MemorySegment.ofArray(new float[256]);
    new GgufWriter()
        .alignment(16)
        .put("general.architecture", GgufType.STRING, "mamba")
        .put("mamba.block_count", GgufType.UINT32, 2)
        .putArray("tokens", GgufType.STRING, List.of("a", "b", "c"))
        .putArray("scores", GgufType.FLOAT64, List.of(1, 2, 3))
        .addFloats("token_embd.weight", StoredType.F32, List.of(4L, 8L), floats.asSlice(0, 128))
        .addFloats("a", StoredType.F16, List.of(3L), floats.asSlice(0, 12))
        .addFloats("q", StoredType.Q8_0, List.of(2L, 64L), floats.asSlice(0, 512))
        .add("k", StoredType.Q4_K, List.of(256L), floats.asSlice(0, 144))
        .add("l", StoredType.Q6_K, List.of(1L, 256L), floats.asSlice(0, 210))
        .write(path);
    byte[] good = Files.readAllBytes(path);
    run(path, good, 0, 560, 4);
  }

  @Test
  void open_mutatedShardIndexes_areRefusedOrReadable() throws IOException {
    for (String name : List.of("a", "b")) {
      new SafetensorsWriter()
          .addFloats(name, List.of(2L), new float[2])
          .write(folder.resolve(name + ".safetensors"));
    }
    Path index = folder.resolve("model.safetensors.index.json");
    byte[] good =
        "{'metadata': {'n': 16}, 'weight_map': {'a': 'a.safetensors', 'b': 'b.safetensors'}}"
            .replace('\'', '"')
            .getBytes(StandardCharsets.UTF_8);
    run(index, good, 0, good.length, 5);
  }

  @Test
  void open_noise_isRefused() throws IOException {
    Random random = new Random(6);
    List<byte[]> heads =
        List.of(
            new byte[] {'G', 'G', 'U', 'F', 3, 0, 0, 0},
            new byte[] {'P', 'K', 3, 4},
            new byte[] {'P', 'K', 5, 6},
            new byte[] {'{'},
            new byte[] {9, 0, 0, 0, 0, 0, 0, 0, '{'});
    for (int i = 0; i < 200; i++) {
      byte[] noise = new byte[random.nextInt(400)];
      random.nextBytes(noise);
      byte[] head = heads.get(i % heads.size());
      byte[] bytes = Arrays.copyOf(head, head.length + noise.length);
      System.arraycopy(noise, 0, bytes, head.length, noise.length);
      assertThat(openAndReadAll(Files.write(folder.resolve("noise"), bytes))).isFalse();
    }
  }
}
