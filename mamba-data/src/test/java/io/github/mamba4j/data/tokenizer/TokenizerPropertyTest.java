package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every tokenizer, over random text of many scripts. */
class TokenizerPropertyTest {

  private static final List<String> TEXTS = new ArrayList<>();
  private static List<Tokenizer> tokenizers = List.of();

  @BeforeAll
  static void train() throws IOException {
    RandomText random = new RandomText(11);
    for (int i = 0; i < 3000; i++) {
      TEXTS.add(random.next());
    }
    tokenizers =
        List.of(
            new ByteTokenizer(),
            CharTokenizer.train(TEXTS::forEach, Integer.MAX_VALUE, 1),
            BpeTrainer.builder().vocabSize(700).build().train(TEXTS::forEach));
  }

  static List<Tokenizer> tokenizers() {
    return tokenizers;
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void decode_ofEncoded_isTheText(Tokenizer tokenizer) {
    for (String text : TEXTS) {
      assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
      assertThat(tokenizer.decode(tokenizer.encodeOrdinary(text))).isEqualTo(text);
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void bytesOf_allTokens_joinToTheTextInUtf8(Tokenizer tokenizer) {
    for (String text : TEXTS.subList(0, 300)) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int id : tokenizer.encode(text)) {
        bytes.writeBytes(tokenizer.bytesOf(id));
      }
      assertThat(bytes.toByteArray()).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encodeOrdinary_textOfSpecialTokens_hasNoSpecialToken(Tokenizer tokenizer) {
    String text = "a<|endoftext|>b<|unk|>";
    assertThat(Arrays.stream(tokenizer.encodeOrdinary(text)).boxed().toList())
        .doesNotContainAnyElementsOf(tokenizer.specialTokens().values());
    assertThat(tokenizer.encode(text)).contains(tokenizer.endOfTextId());
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_inManyThreads_givesTheIdsOfOne(Tokenizer tokenizer) {
    List<List<Integer>> expected = TEXTS.stream().map(text -> ids(tokenizer, text)).toList();
    assertThat(TEXTS.parallelStream().map(text -> ids(tokenizer, text)).toList())
        .isEqualTo(expected);
  }

  private static List<Integer> ids(Tokenizer tokenizer, String text) {
    return Arrays.stream(tokenizer.encode(text)).boxed().toList();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_emptyText_givesNothing(Tokenizer tokenizer) {
    assertThat(tokenizer.encode("")).isEmpty();
    assertThat(tokenizer.decode(new int[0])).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_unpairedSurrogateOrNull_isRefused(Tokenizer tokenizer) {
    String name = tokenizer.getClass().getSimpleName();
    for (String text : new String[] {"ab\uD83D", "ab\uD83Dc", "ab\uDC0D", "ab\uDC0D\uD83D"}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> tokenizer.encode(text))
          .withMessageStartingWith(name + ".encode: text has an unpaired surrogate U+D")
          .withMessageContaining("at index 2, expected well-formed text");
    }
    assertThatNullPointerException()
        .isThrownBy(() -> tokenizer.encodeOrdinary(null))
        .withMessage(name + ".encodeOrdinary: text must not be null");
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void decode_idOutsideTheVocabulary_isRefused(Tokenizer tokenizer) {
    int size = tokenizer.vocabSize();
    String name = tokenizer.getClass().getSimpleName();
    for (int id : new int[] {-1, size, Integer.MAX_VALUE}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> tokenizer.decode(new int[] {0, id}))
          .withMessage("%s.decode: tokenIds is %d, expected 0 to %d", name, id, size - 1);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> tokenizer.bytesOf(id))
          .withMessage("%s.bytesOf: tokenId is %d, expected 0 to %d", name, id, size - 1);
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void bytesOf_changedByTheCaller_leavesTheTokenizerAlone(Tokenizer tokenizer) {
    byte[] bytes = tokenizer.bytesOf(5);
    byte[] before = bytes.clone();
    bytes[0]++;
    assertThat(tokenizer.bytesOf(5)).isEqualTo(before);
  }
}
