package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged files give one clear error or a tokenizer that works, and never anything else. */
class TokenizerMutationTest {

  private static final Object[] VALUES = {
    -1L,
    0L,
    257L,
    Long.MAX_VALUE,
    1e300,
    true,
    false,
    "",
    " ",
    "ByteLevel",
    "Sequence",
    "(a+)+$",
    "[^",
    "\n\u0000",
    "\uD83D",
    List.of(),
    Map.of(),
    List.of(List.of(List.of("a"))),
    Map.of("type", "Split"),
    Map.of("type", "Strip", "strip_left", true, "strip_right", true),
    Map.of("Regex", "(?:)"),
    Map.of("Regex", "x*?|.{0,3}(?=a)")
  };

  /** A file with something of everything. */
  private static String everything() throws IOException {
    SmallBpe small =
        SmallBpe.byteLevel("<s>", "ab", "Ġab", "<0xFF>")
            .merges("a b", "Ġ ab")
            .model("unk_token", "<s>")
            .model("ignore_merges", true)
            .model("byte_fallback", true)
            .model("fuse_unk", false)
            .added(256, "<s>", "special", "lstrip")
            .added(260, "AB", "normalized", "single_word", "rstrip")
            .set(
                "normalizer",
                """
                {'type':'Sequence','normalizers':[{'type':'NFKC'},{'type':'Lowercase'},
                 {'type':'Replace','pattern':{'Regex':' {2,}'},'content':' '},
                 {'type':'Prepend','prepend':' '}]}
                """)
            .set(
                "pre_tokenizer",
                """
                {'type':'Sequence','pretokenizers':[
                 {'type':'Split','pattern':{'Regex':'\\\\p{N}{1,3}|\\\\s+(?!\\\\S)'},
                  'behavior':'Isolated','invert':false},
                 {'type':'Digits','individual_digits':true},
                 {'type':'Punctuation','behavior':'MergedWithNext'},
                 {'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':true}]}
                """)
            .set(
                "post_processor",
                """
                {'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'b','type_id':0}},
                 {'Sequence':{'id':'A','type_id':0}}],'pair':[],'special_tokens':{'b':{'id':'b',
                 'ids':[256],'tokens':['b']}}}
                """)
            .set(
                "decoder",
                """
                {'type':'Sequence','decoders':[{'type':'ByteLevel'},{'type':'Fuse'},
                 {'type':'Replace','pattern':{'String':'▁'},'content':' '},
                 {'type':'Strip','content':' ','start':1,'stop':0}]}
                """);
    return Json.format(small.file());
  }

  @Test
  void load_valuesReplacedOrDropped_isRefusedOrWorks(@TempDir Path folder) throws IOException {
    Random random = new Random(20261122);
    int refused = 0;
    for (int i = 0; i < 500; i++) {
      Object file = copy(Json.parse("test", everything()));
      mutate(file, random);
      String text;
      try {
        text = Json.format(file);
      } catch (IllegalArgumentException e) {
        continue; // an unpaired surrogate cannot be written
      }
      refused += loads(folder, text.getBytes(StandardCharsets.UTF_8), i) ? 0 : 1;
    }
    assertThat(refused).isBetween(100, 480);
  }

  @Test
  void load_bytesChangedOrCut_isRefusedOrWorks(@TempDir Path folder) throws IOException {
    Random random = new Random(7);
    byte[] whole = everything().getBytes(StandardCharsets.UTF_8);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      byte[] bytes = whole.clone();
      for (int k = random.nextInt(3); k >= 0; k--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(128);
      }
      if (i % 5 == 0) {
        bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
      }
      refused += loads(folder, bytes, i) ? 0 : 1;
    }
    assertThat(refused).isBetween(100, 299);
  }

  private static boolean loads(Path folder, byte[] bytes, int number) throws IOException {
    Path file = folder.resolve("t.json");
    Files.write(file, bytes);
    return assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          try {
            Tokenizer tokenizer = Tokenizer.load(file);
            int[] ids = tokenizer.encode("AB ab  <s> 123é\n");
            assertThat(tokenizer.decode(ids)).isNotNull();
            assertThat(tokenizer.encodeOrdinary("a".repeat(300) + "!")).isNotNull();
            return true;
          } catch (DataException e) {
            assertThat(e).hasMessageStartingWith(file + ": ");
            assertThat(e.getMessage().lines().count()).isEqualTo(1);
            return false;
          } catch (IllegalStateException e) {
            assertThat(e).hasMessageContaining("needs too many steps");
            return true;
          }
        },
        "mutation " + number);
  }

  /** Changes one value somewhere, the vocabulary as seldom as any other part. */
  @SuppressWarnings("unchecked")
  private static void mutate(Object container, Random random) {
    Object at = container;
    while (true) {
      Object value = VALUES[random.nextInt(VALUES.length)];
      if (at instanceof Map<?, ?> map && !map.isEmpty()) {
        Map<String, Object> members = (Map<String, Object>) map;
        String key = new ArrayList<>(members.keySet()).get(random.nextInt(map.size()));
        if (goesInto(members.get(key), random)) {
          at = members.get(key);
          continue;
        }
        switch (random.nextInt(6)) {
          case 0 -> members.remove(key);
          case 1 -> members.put("x" + key, value);
          default -> members.put(key, value);
        }
      } else if (at instanceof List<?> list && !list.isEmpty()) {
        List<Object> items = (List<Object>) list;
        int index = random.nextInt(items.size());
        if (goesInto(items.get(index), random)) {
          at = items.get(index);
          continue;
        }
        switch (random.nextInt(6)) {
          case 0 -> items.remove(index);
          case 1 -> items.add(items.get(index));
          default -> items.set(index, value);
        }
      }
      return;
    }
  }

  private static boolean goesInto(Object value, Random random) {
    boolean container =
        (value instanceof Map<?, ?> map && !map.isEmpty())
            || (value instanceof List<?> list && !list.isEmpty());
    return container && random.nextInt(8) != 0;
  }

  /** A copy whose objects and arrays can be changed. */
  private static Object copy(Object value) {
    return switch (value) {
      case Map<?, ?> map -> {
        Map<String, Object> copy = new LinkedHashMap<>();
        map.forEach((key, member) -> copy.put((String) key, copy(member)));
        yield copy;
      }
      case List<?> list -> {
        List<Object> copy = new ArrayList<>();
        list.forEach(item -> copy.add(copy(item)));
        yield copy;
      }
      default -> value;
    };
  }
}
