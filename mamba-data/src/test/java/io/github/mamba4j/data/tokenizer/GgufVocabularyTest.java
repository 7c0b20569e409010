package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GgufVocabularyTest {

  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private static List<String> tokens(String... more) {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(ByteAlphabet.symbolOf(b)));
    }
    tokens.addAll(List.of(more));
    return tokens;
  }

  private static List<Integer> types(int size, int... last) {
    int[] types = new int[size];
    java.util.Arrays.fill(types, NORMAL);
    System.arraycopy(last, 0, types, size - last.length, last.length);
    return java.util.Arrays.stream(types).boxed().toList();
  }

  /** Bytes, then ab, Ġab, abc, a control token, a user defined one and an empty one. */
  private static GgufVocabulary small(@Nullable String pre, @Nullable Boolean addBos) {
    List<String> tokens = tokens("ab", "Ġab", "abc", "<s>", "  ", "");
    return new GgufVocabulary(
        "model.gguf",
        "gpt2",
        pre,
        tokens,
        types(tokens.size(), CONTROL, USER_DEFINED, NORMAL),
        List.of("a b", "Ġ ab", "a b"),
        259,
        259,
        addBos,
        null);
  }

  @Test
  void fromGguf_valuesOfTheNeoxFixture_giveItsIds(@TempDir Path folder) throws IOException {
    Map<?, ?> model;
    List<?> cases;
    try (InputStream file = getClass().getResourceAsStream("neox-style.tokenizer.json");
        InputStream examples = getClass().getResourceAsStream("neox-style.cases.json")) {
      model = (Map<?, ?>) member(parse(file), "model");
      cases = (List<?>) parse(examples);
    }
    Map<?, ?> vocab = (Map<?, ?>) member(model, "vocab");
    String[] tokens = new String[vocab.size()];
    vocab.forEach((token, id) -> tokens[((Long) id).intValue()] = (String) token);
    List<Integer> types = new ArrayList<>(types(tokens.length));
    types.set(0, CONTROL);
    types.set(1, CONTROL);
    List<String> merges = new ArrayList<>();
    for (Object merge : (List<?>) member(model, "merges")) {
      merges.add(merge instanceof List<?> pair ? pair.get(0) + " " + pair.get(1) : (String) merge);
    }
    BpeTokenizer tokenizer =
        BpeTokenizer.fromGguf(
            new GgufVocabulary(
                "m.gguf", "gpt2", "olmo", List.of(tokens), types, merges, 0, 0, false, null));
    int compared = 0;
    for (Object example : cases) {
      String text = (String) member(example, "text");
      // GGUF does not say that this tokenizer normalizes.
      if (!java.text.Normalizer.isNormalized(text, java.text.Normalizer.Form.NFC)) {
        continue;
      }
      compared++;
      int[] ids = tokenizer.encode(text);
      assertThat(java.util.Arrays.stream(ids).asLongStream().boxed().toList())
          .as("ids of \"%s\"", text)
          .isEqualTo(member(example, "ids"));
      assertThat(tokenizer.decode(ids)).isEqualTo(member(example, "decoded"));
    }
    assertThat(compared).isGreaterThan(20);
    tokenizer.save(folder.resolve("tokenizer.json"));
    String text = "Hello<|endoftext|> world's  123";
    assertThat(Tokenizer.load(folder.resolve("tokenizer.json")).encode(text))
        .isEqualTo(tokenizer.encode(text));
  }

  private static Object parse(InputStream in) throws IOException {
    return Json.parse("fixture", new String(in.readAllBytes(), StandardCharsets.UTF_8));
  }

  private static Object member(Object object, String name) {
    return ((Map<?, ?>) object).get(name);
  }

  @Test
  void fromGguf_tokenTypes_areAddedTokensOrNot() throws IOException {
    BpeTokenizer tokenizer = BpeTokenizer.fromGguf(small("gpt-2", null));
    assertThat(tokenizer.encode("ab ab  <s>abc")).containsExactly(256, 257, 260, 259, 256, 99);
    assertThat(tokenizer.encodeOrdinary("<s>  ")).containsExactly(60, 115, 62, 260);
    assertThat(tokenizer.specialTokens()).containsOnly(Map.entry("<s>", 259));
    assertThat(tokenizer.decode(new int[] {259, 257, 260})).isEqualTo("<s> ab  ");
    assertThat(tokenizer.vocabSize()).isEqualTo(262);
  }

  @Test
  void fromGguf_firstToken_asTheFileOrTheRuleSays() throws IOException {
    assertThat(BpeTokenizer.fromGguf(small("gpt-2", true)).encode("a")).containsExactly(259, 97);
    assertThat(BpeTokenizer.fromGguf(small("llama-bpe", false)).encode("a")).containsExactly(97);
    // Llama 3 begins every text and takes pieces that are tokens without merges.
    assertThat(BpeTokenizer.fromGguf(small("llama-bpe", null)).encode("abc"))
        .containsExactly(259, 258);
    GgufVocabulary both = small("gpt-2", true);
    GgufVocabulary ends =
        new GgufVocabulary(
            both.source(),
            both.model(),
            both.pre(),
            both.tokens(),
            both.tokenTypes(),
            both.merges(),
            259,
            256,
            true,
            true);
    assertThat(BpeTokenizer.fromGguf(ends).encode("a")).containsExactly(259, 97, 256);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "gpt-2 ~ `a12345!?x` ~ `a|12345|!?|x`",
        "starcoder ~ `a 12!?` ~ `a| |1|2|!?`",
        "falcon ~ `a+12345 b` ~ `a|+|123|45| b`",
        "default ~ `a+12345 b` ~ `a|+|123|45| b`",
        "dbrx ~ `a 12345.b's` ~ `a| |123|45|.b|'s`",
        "qwen2 ~ `a 123` ~ `a| |1|2|3`",
        "gpt-4o ~ `HelloWorld's 1234` ~ `Hello|World's| |123|4`",
        "tekken ~ `HelloWorld 12` ~ `Hello|World| |1|2`",
        "bloom ~ `ab cd.ef` ~ `ab| cd|.|ef`",
        "viking ~ `ab 12` ~ `ab| |1|2`",
        "deepseek-v3 ~ `ab東京1234.cd` ~ `ab|東京|123|4|.cd`"
      })
  void fromGguf_rules_cutAsTheyShould(String pre, String text, String pieces) throws IOException {
    BpeTokenizer tokenizer = BpeTokenizer.fromGguf(small(pre, false));
    List<String> found = new ArrayList<>();
    PieceSink sink = (chars, from, to, atStart) -> found.add(new String(chars, from, to - from));
    List<PreTokenizer> steps = tokenizer.parts().preTokenizers();
    for (PreTokenizer step : steps.subList(0, steps.size() - 1).reversed()) {
      PieceSink next = sink;
      sink = (chars, from, to, atStart) -> step.cut(chars, from, to, atStart, next);
    }
    sink.piece(text.toCharArray(), 0, text.length(), true);
    assertThat(String.join("|", found)).isEqualTo(pieces);
  }

  @ParameterizedTest
  @EnumSource(GgufPreTokenizer.class)
  void fromGguf_everyRule_isReadable(GgufPreTokenizer rule) throws IOException {
    assertThat(PreTokenizers.read(JsonValue.of("test", rule.json()))).isNotEmpty();
  }

  @Test
  void fromGguf_noName_isTheDefault() throws IOException {
    assertThat(BpeTokenizer.fromGguf(small(null, null)).encode("a+b")).containsExactly(97, 43, 98);
  }

  @Test
  void fromGguf_badValues_areRefusedByName() {
    GgufVocabulary good = small("gpt-2", null);
    assertRefused(small("warp", null), "pre is \"warp\", which is not supported; supported are");
    assertRefused(with(good, "llama", good.tokens(), good.merges(), 0), "model is \"llama\"");
    assertRefused(
        with(good, "gpt2", good.tokens(), List.of("a b", "ab"), 0),
        "merges[1] is \"ab\", expected two tokens");
    assertRefused(
        with(good, "gpt2", good.tokens(), List.of("a \u00e9x"), 0), "needs the token \"\u00e9x\"");
    List<String> doubled = new ArrayList<>(good.tokens());
    doubled.set(261, "ab");
    assertRefused(with(good, "gpt2", doubled, good.merges(), 0), "tokens[261] is \"ab\" a second");
    assertRefused(
        with(good, "gpt2", tokens(), List.of(), 0), "token_type has 262 values, expected 256");
    assertRefused(
        with(good, "gpt2", good.tokens(), good.merges(), 262),
        "bos_token_id is 262, expected -1 (none) to 261");
    assertRefused(
        with(small("gpt-2", true), "gpt2", good.tokens(), good.merges(), -1),
        "add_bos_token is true, expected false");
    List<String> surrogate = new ArrayList<>(good.tokens());
    surrogate.set(261, "\uD800");
    assertRefused(
        with(good, "gpt2", surrogate, good.merges(), 0), "tokens[261] has an unpaired surrogate");
  }

  private static GgufVocabulary with(
      GgufVocabulary base, String model, List<String> tokens, List<String> merges, int bosId) {
    return new GgufVocabulary(
        base.source(),
        model,
        base.pre(),
        tokens,
        base.tokenTypes(),
        merges,
        bosId,
        -1,
        base.addBos(),
        null);
  }

  private static void assertRefused(GgufVocabulary vocabulary, String message) {
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> BpeTokenizer.fromGguf(vocabulary))
        .withMessageStartingWith("model.gguf: ")
        .withMessageContaining(message);
  }
}
