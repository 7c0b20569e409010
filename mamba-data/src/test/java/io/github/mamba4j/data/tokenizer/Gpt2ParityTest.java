package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The vocabulary of GPT-2 in our tokenizer against another implementation of it. */
class Gpt2ParityTest {

  private static BpeTokenizer ours;
  private static Encoding theirs;

  @BeforeAll
  static void loadRanks() throws IOException {
    theirs = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.R50K_BASE);
    Map<String, Integer> rankOf = new HashMap<>();
    List<byte[]> tokens = new ArrayList<>();
    try (InputStream in =
            Encodings.class.getResourceAsStream("/com/knuddels/jtokkit/r50k_base.tiktoken");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      lines
          .lines()
          .forEach(line -> {
            byte[] bytes = Base64.getDecoder().decode(line.substring(0, line.indexOf(' ')));
            assertThat(line.substring(line.indexOf(' ') + 1))
                .isEqualTo(String.valueOf(tokens.size()));
            rankOf.put(latin(bytes), tokens.size());
            tokens.add(bytes);
          });
    }
    long[] pairs = new long[tokens.size() - 256];
    int[] newIds = new int[pairs.length];
    for (int id = 256; id < tokens.size(); id++) {
      pairs[id - 256] = lastMerge(latin(tokens.get(id)), id, rankOf);
      newIds[id - 256] = id;
    }
    AddedTokens added = AddedTokens.specials(List.of(Tokenizer.END_OF_TEXT), tokens.size());
    List<String> texts = new ArrayList<>();
    Map<String, Integer> vocab = new HashMap<>();
    for (byte[] token : tokens) {
      vocab.put(ByteAlphabet.encode(token), texts.size());
      texts.add(ByteAlphabet.encode(token));
    }
    texts.add(Tokenizer.END_OF_TEXT);
    ours =
        BpeTokenizer.trained(
            texts.toArray(String[]::new), vocab, added, new MergeTable(pairs, newIds));
  }

  /** The two tokens that a token was merged from: what the merges before it make of its bytes. */
  private static long lastMerge(String token, int id, Map<String, Integer> rankOf) {
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
    return MergeTable.pair(rankOf.get(parts.get(0)), rankOf.get(parts.get(1)));
  }

  private static String latin(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static void assertSameIds(String text) {
    assertThat(ours.encodeOrdinary(text))
        .as("ids of \"%s\"", text)
        .containsExactly(theirs.encodeOrdinary(text).toArray());
  }

  @Test
  void encodeOrdinary_english_givesTheIdsOfGpt2() {
    assertThat(ours.encodeOrdinary("Hello world")).containsExactly(15496, 995);
    assertSameIds("It's the author's first book, isn't it? We'll see; they've sold 1,234 copies.");
    assertSameIds("  Leading, trailing  \n\n and   inner   spaces \t\r\n ");
  }

  @Test
  void encodeOrdinary_japanese_givesTheIdsOfGpt2() {
    assertSameIds("吾輩は猫である。名前はまだ無い。\n　どこで生れたかとんと見当がつかぬ。");
    assertSameIds("「マンバ」は、選択的状態空間モデルです！　２０２４年。");
  }

  @Test
  void encodeOrdinary_python_givesTheIdsOfGpt2() {
    assertSameIds(
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

  @Test
  void encodeOrdinary_longRun_givesTheIdsOfGpt2() {
    assertSameIds("a".repeat(300) + " " + "-=".repeat(200) + " " + "mississippi".repeat(40));
    assertSameIds("東京特許許可局".repeat(30));
  }

  @Test
  void encodeOrdinary_randomText_givesTheIdsOfGpt2() {
    RandomText texts = new RandomText(50257);
    for (int i = 0; i < 3000; i++) {
      assertSameIds(texts.next());
    }
  }
}
