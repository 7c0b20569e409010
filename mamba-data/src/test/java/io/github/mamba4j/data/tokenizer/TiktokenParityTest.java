package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vocabularies of GPT-2, GPT-4 and GPT-4o against another implementation of them. */
class TiktokenParityTest {

  private static final EncodingRegistry THEIRS = Encodings.newLazyEncodingRegistry();
  private static final Map<String, Tokenizer> OURS = new HashMap<>();

  private static Tokenizer ours(EncodingType type) {
    return OURS.computeIfAbsent(
        type.getName(),
        name -> {
          try {
            return load(name);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static Encoding theirs(EncodingType type) {
    return THEIRS.getEncoding(type);
  }

  /** A {@code tokenizer.json} that means the same as a file of ranks. */
  private static Tokenizer load(String name) throws IOException {
    Map<String, Integer> rankOf = new HashMap<>();
    List<String> tokens = new ArrayList<>();
    try (InputStream in =
            Encodings.class.getResourceAsStream("/com/knuddels/jtokkit/" + name + ".tiktoken");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      lines
          .lines()
          .forEach(line -> {
            byte[] bytes = Base64.getDecoder().decode(line.substring(0, line.indexOf(' ')));
            rankOf.put(latin(bytes), Integer.valueOf(line.substring(line.indexOf(' ') + 1)));
            tokens.add(latin(bytes));
          });
    }
    Map<String, Object> vocab = new HashMap<>();
    List<Object> merges = new ArrayList<>();
    for (String token : tokens) {
      vocab.put(symbols(token), (long) rankOf.get(token));
      if (token.length() > 1) {
        List<String> parts = lastMerge(token, rankOf);
        merges.add(List.of(symbols(parts.get(0)), symbols(parts.get(1))));
      }
    }
    String regex =
        name.equals("cl100k_base")
            ? PreTokenizers.cl100k("\\p{N}{1,3}")
            : name.equals("o200k_base") ? PreTokenizers.o200k() : "";
    String byteLevel = "{'type':'ByteLevel','add_prefix_space':false}";
    return new SmallBpe()
        .model("vocab", vocab)
        .model("merges", merges)
        .model("ignore_merges", true)
        .set("decoder", byteLevel)
        .set("pre_tokenizer", regex.isEmpty() ? byteLevel : splitBy(regex))
        .read();
  }

  private static String splitBy(String regex) {
    return """
    {'type':'Sequence','pretokenizers':[
     {'type':'Split','pattern':{'Regex':'%s'},'behavior':'Isolated','invert':false},
     {'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}]}
    """
        .formatted(regex.replace("\\", "\\\\").replace("'", "\\u0027"));
  }

  private static String symbols(String latin) {
    return ByteAlphabet.encode(latin.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** The two tokens that a token was merged from: what the merges before it make of its bytes. */
  private static List<String> lastMerge(String token, Map<String, Integer> rankOf) {
    int id = rankOf.get(token);
    List<String> parts = new ArrayList<>();
    token.chars().forEach(c -> parts.add(Character.toString(c)));
    while (parts.size() > 2) {
      int best = -1;
      int lowest = id;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int rank = rankOf.getOrDefault(parts.get(i) + parts.get(i + 1), id);
        if (rank < lowest) {
          lowest = rank;
          best = i;
        }
      }
      assertThat(best).as("a merge within token %d", id).isNotNegative();
      parts.set(best, parts.get(best) + parts.get(best + 1));
      parts.remove(best + 1);
    }
    return parts;
  }

  private static String latin(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static void assertSameIds(EncodingType type, String text) {
    assertThat(ours(type).encodeOrdinary(text))
        .as("ids of \"%s\"", text)
        .containsExactly(theirs(type).encodeOrdinary(text).toArray());
  }

  @ParameterizedTest
  @EnumSource(names = {"R50K_BASE", "CL100K_BASE", "O200K_BASE"})
  void encodeOrdinary_english_givesTheirIds(EncodingType type) {
    assertSameIds(type, "HelloWorld don't DON'T X1234567890 'Tis it'S //\n/a !\n\n/ x");
    assertSameIds(
        type, "It's the author's first book, isn't it? We'll see; they've sold 1,234 copies.");
    assertSameIds(type, "  Leading, trailing  \n\n and   inner   spaces \t\r\n ");
  }

  @ParameterizedTest
  @EnumSource(names = {"R50K_BASE", "CL100K_BASE", "O200K_BASE"})
  void encodeOrdinary_japanese_givesTheirIds(EncodingType type) {
    assertSameIds(type, "吾輩は猫である。名前はまだ無い。\n　どこで生れたかとんと見当がつかぬ。");
    assertSameIds(type, "「マンバ」は、選択的状態空間モデルです！　２０２４年。");
  }

  @ParameterizedTest
  @EnumSource(names = {"R50K_BASE", "CL100K_BASE", "O200K_BASE"})
  void encodeOrdinary_python_givesTheirIds(EncodingType type) {
    assertSameIds(
        type,
        """
        def scan(a, b):
            '''Return h[t] = a[t] * h[t-1] + b[t].'''
            h, out = 0.0, []
            for x, y in zip(a, b):
                h = x * h + y
        \tout.append(h)  # tab
            return out
        """);
  }

  @ParameterizedTest
  @EnumSource(names = {"R50K_BASE", "CL100K_BASE", "O200K_BASE"})
  void encodeOrdinary_longRun_givesTheirIds(EncodingType type) {
    assertSameIds(type, "a".repeat(300) + " " + "-=".repeat(200) + " " + "mississippi".repeat(40));
    assertSameIds(type, "東京特許許可局".repeat(30));
  }

  @ParameterizedTest
  @EnumSource(names = {"R50K_BASE", "CL100K_BASE", "O200K_BASE"})
  void encodeOrdinary_randomText_givesTheirIds(EncodingType type) {
    RandomText texts = new RandomText(50257);
    for (int i = 0; i < 3000; i++) {
      assertSameIds(type, texts.next());
    }
  }
}
