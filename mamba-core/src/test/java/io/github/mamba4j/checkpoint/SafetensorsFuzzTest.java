package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A fixed corpus of damaged files: each opens and reads, or is refused in one line. */
class SafetensorsFuzzTest {

  @TempDir Path folder = Path.of("");

  private static final String[] FRAGMENTS = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "-",
    "0",
    "9",
    "1e9",
    "9223372036854775807",
    "18446744073709551616",
    "null",
    "true",
    "NaN",
    "F64",
    "U8",
    "shape",
    "dtype",
    "data_offsets",
    "__metadata__",
    "\u0000",
    "\ud83d\ude00",
    "\\ud800",
    "[[[[[[[[",
    "{\"a\":{\"a\":",
    " "
  };

  @Test
  void open_mutatedFiles_areRefusedOrReadable() throws IOException {
    byte[] good = Files.readAllBytes(Fixtures.path("mamba1-tiny/model.safetensors"));
    Random random = new Random(20261122);
    List<byte[]> corpus = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      corpus.add(flipBits(good, random));
      corpus.add(insertText(good, random));
      corpus.add(replaceDigits(good, random));
    }
    for (int i = 0; i < 60; i++) {
      corpus.add(Arrays.copyOf(good, random.nextInt(i % 2 == 0 ? good.length : 2200)));
      corpus.add(Arrays.copyOf(good, good.length + 1 + random.nextInt(100)));
      corpus.add(noise(random));
    }
    hostileHeaders(corpus);

    int refused = 0;
    for (byte[] bytes : corpus) {
      refused += openAndReadAll(bytes) ? 0 : 1;
    }
    assertThat(corpus.size()).isGreaterThan(600);
    assertThat(refused).isBetween(corpus.size() / 2, corpus.size() - 1);
  }

  /** False if the file was refused as it should be; anything else fails the test. */
  private boolean openAndReadAll(byte[] bytes) throws IOException {
    Path path = SafetensorsBytes.write(folder, bytes);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      for (TensorEntry entry : file.entries()) {
        int length =
            entry.type().isFloating() ? entry.toFloatArray().length : entry.toLongArray().length;
        assertThat(entry.elementCount()).isEqualTo(length);
      }
      return true;
    } catch (CheckpointException e) {
      assertThat(e.getMessage()).startsWith(path + ": ").doesNotContain("\n").hasSizeLessThan(600);
      return false;
    }
  }

  private static int headerLength(byte[] bytes) {
    return (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
  }

  private static byte[] flipBits(byte[] good, Random random) {
    byte[] bytes = good.clone();
    for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
      bytes[random.nextInt(8 + headerLength(good))] ^= (byte) (1 << random.nextInt(8));
    }
    return bytes;
  }

  private static byte[] insertText(byte[] good, Random random) {
    int headerLength = headerLength(good);
    byte[] text = FRAGMENTS[random.nextInt(FRAGMENTS.length)].getBytes(StandardCharsets.UTF_8);
    int at = 8 + random.nextInt(headerLength);
    int dropped = Math.min(random.nextInt(4), 8 + headerLength - at);
    ByteBuffer out =
        ByteBuffer.allocate(good.length + text.length - dropped).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(headerLength + text.length - dropped).put(good, 8, at - 8).put(text);
    return out.put(good, at + dropped, good.length - at - dropped).array();
  }

  private static byte[] replaceDigits(byte[] good, Random random) {
    byte[] bytes = good.clone();
    int changes = 1 + random.nextInt(3);
    while (changes > 0) {
      int at = 8 + random.nextInt(headerLength(good));
      if (Character.isDigit(bytes[at])) {
        bytes[at] = (byte) ('0' + random.nextInt(10));
        changes--;
      }
    }
    return bytes;
  }

  private static byte[] noise(Random random) {
    byte[] bytes = new byte[8 + random.nextInt(300)];
    random.nextBytes(bytes);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(random.nextInt(bytes.length));
    return bytes;
  }

  private static void hostileHeaders(List<byte[]> corpus) {
    String[] headers = {
      "",
      " ",
      "\u0000",
      "{\"a\":".repeat(100_000),
      "[".repeat(1_000_000),
      "{\"a\":{\"x\":" + "[".repeat(1_000_000),
      "{\"" + "n".repeat(1_000_000) + "\":{}}",
      "{\"__metadata__\":{\"a\":\"" + "v".repeat(11_000_000) + "\"}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":["
          + "1,".repeat(500_000)
          + "1],\"data_offsets\":[0,4]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + "9".repeat(5_000) + "],\"data_offsets\":[0,4]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e999999999],\"data_offsets\":[0,4]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,2],\"data_offsets\":[0,0]}}",
      "{\"\\n\\r\\u2028\":{\"dtype\":\"\\n\",\"shape\":[],\"data_offsets\":[0,0]}}",
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[-9223372036854775808],\"data_offsets\":[0,0]}}",
      "{\"a\":{\"dtype\":\"U64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}",
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[-1,0]}}",
    };
    for (String header : headers) {
      corpus.add(SafetensorsBytes.of(header, 0));
      corpus.add(SafetensorsBytes.of(header, 4));
    }
  }
}
