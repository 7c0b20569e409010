package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ParallelEncoderTest {

  private static final String SPLIT =
      """
      {'type':'Sequence','pretokenizers':[
       {'type':'Split','pattern':{'Regex':'%s'},'behavior':'Isolated','invert':false},
       {'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}
      """;

  static Stream<Tokenizer> tokenizers() throws IOException {
    List<Tokenizer> tokenizers = new ArrayList<>();
    String[] preTokenizers = {
      "{'type':'ByteLevel','add_prefix_space':true}",
      SPLIT.formatted(PreTokenizers.cl100k("\\p{N}").replace("\\", "\\\\").replace("'", "\\u0027")),
      SPLIT.formatted(PreTokenizers.o200k().replace("\\", "\\\\").replace("'", "\\u0027")),
      SPLIT.formatted("\\\\s+|x"),
      "{'type':'Metaspace','replacement':'_','prepend_scheme':'first'}"
    };
    for (String json : preTokenizers) {
      tokenizers.add(
          SmallBpe.byteLevel("Ċ/", "ĊĊ", "ĊĠ", "a/", "Ġa")
              .added(261, "<|endoftext|>", "special")
              .added(262, "  ", "normalized")
              .set("normalizer", "{'type':'NFC'}")
              .set("pre_tokenizer", json)
              .set(
                  "post_processor",
                  """
                  {'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'b'}},
                   {'Sequence':{'id':'A'}}],'special_tokens':{'b':{'ids':[261]}}}
                  """)
              .merges("Ċ /", "Ċ Ċ", "Ċ Ġ", "a /", "Ġ a")
              .read());
    }
    tokenizers.add(new ByteTokenizer());
    return tokenizers.stream();
  }

  private static String largeText(long seed) {
    RandomText random = new RandomText(seed);
    StringBuilder text = new StringBuilder();
    while (text.length() < 600_000) {
      text.append(random.next()).append(text.length() % 3 == 0 ? "\n" : "!\n/a\n\n b");
    }
    return text.toString();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_anyNumberOfThreads_givesTheIdsOfTheTokenizer(Tokenizer tokenizer) {
    List<String> texts = List.of("", "a b", largeText(1), largeText(2), "<|endoftext|>");
    for (int threads : new int[] {1, 2, 3}) {
      try (ParallelEncoder encoder = new ParallelEncoder(tokenizer, threads)) {
        List<int[]> ids = encoder.encode(texts);
        List<int[]> ordinary = encoder.encodeOrdinary(texts);
        for (int i = 0; i < texts.size(); i++) {
          assertThat(ids.get(i)).isEqualTo(tokenizer.encode(texts.get(i)));
          assertThat(ordinary.get(i)).isEqualTo(tokenizer.encodeOrdinary(texts.get(i)));
        }
        assertThat(encoder.encode(texts.get(2))).isEqualTo(ids.get(2));
        assertThat(encoder.encodeOrdinary(texts.get(2))).isEqualTo(ordinary.get(2));
      }
    }
  }

  @Test
  void encode_badText_isRefusedAndTheEncoderGoesOn() {
    try (ParallelEncoder encoder = new ParallelEncoder(new ByteTokenizer(), 2)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> encoder.encode(List.of("a", "b\uD800", "c")))
          .withMessageContaining("unpaired surrogate");
      assertThat(encoder.encode("a")).containsExactly(97);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ParallelEncoder(new ByteTokenizer(), 0))
        .withMessage("ParallelEncoder: threads is 0, expected 1 or more");
  }
}
