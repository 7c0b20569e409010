package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every option of {@code tokenizer.json} on a vocabulary of a few tokens, the ids by hand. */
class BpeOptionsTest {

  private static void assertIds(Tokenizer tokenizer, String text, Integer... ids) {
    assertThat(tokenizer.encode(text)).as("ids of \"%s\"", text).containsExactly(ids);
  }

  @Test
  void encode_merges_goByRankThenFromTheLeft() throws IOException {
    // a0 b1 c2 ab3 bc4 abc5; "b c" comes before "a b".
    SmallBpe small = new SmallBpe("a", "b", "c", "ab", "bc", "abc").merges("b c", "a b", "a bc");
    assertIds(small.read(), "abcab", 5, 3);
    assertIds(small.merges("a b", "b c").read(), "abcab", 3, 2, 3);
  }

  @Test
  void encode_mergesAsPairsOrWithAVersionLine_giveTheSameIds() throws IOException {
    SmallBpe small = new SmallBpe("a", "b", " ", "ab", " a");
    small.model("merges", List.of(List.of("a", "b"), List.of(" ", "a")));
    assertIds(small.read(), "ab a", 3, 4);
    assertIds(small.merges("#version: 0.2", "a b").read(), "ab a", 3, 2, 0);
  }

  @Test
  void encode_mergeTwice_countsAtItsLaterPlace() throws IOException {
    SmallBpe small = new SmallBpe("a", "b", "c", "ab", "bc").merges("a b", "b c", "a b");
    assertIds(small.read(), "abc", 0, 4);
  }

  @Test
  void encode_ignoreMerges_takesAPieceThatIsAToken() throws IOException {
    SmallBpe small = SmallBpe.byteLevel("ab", "abc", "Ġabc").merges("a b");
    assertIds(small.read(), "abc abc", 256, 99, 32, 256, 99);
    assertIds(small.model("ignore_merges", true).read(), "abc abc", 257, 258);
    assertIds(small.read(), "abcc", 256, 99, 99);
  }

  @Test
  void encode_byteFallback_givesTheBytesOfUnknownCharacters() throws IOException {
    // é is C3 A9, ê is C3 AA of which a byte is missing.
    SmallBpe small = new SmallBpe("<unk>", "a", "<0xC3>", "<0xA9>").model("unk_token", "<unk>");
    assertIds(small.read(), "aéê", 1, 0, 0);
    small.model("byte_fallback", true);
    assertIds(small.read(), "aéa", 1, 2, 3, 1);
    assertIds(small.read(), "aêa", 1, 0, 1);
    // In the Python library an unknown character waits for the next known one, and bytes pass it.
    assertIds(small.read(), "êéa", 2, 3, 0, 1);
  }

  @Test
  void encode_unknownCharacters_areOneEachOrFusedOrLeftOut() throws IOException {
    SmallBpe small = new SmallBpe("<unk>", "a", "b");
    assertIds(small.read(), "ac𠮷b", 1, 2);
    small.model("unk_token", "<unk>");
    assertIds(small.read(), "acc𠮷bc", 1, 0, 0, 0, 2, 0);
    assertIds(small.model("fuse_unk", true).read(), "acc𠮷bc", 1, 0, 2, 0);
  }

  @Test
  void encode_byteLevelWithoutAllBytes_leavesThemOutOrGivesUnknown() throws IOException {
    SmallBpe small =
        new SmallBpe("<unk>", "a", "Ġ", "Ġa")
            .set("pre_tokenizer", "{'type':'ByteLevel','add_prefix_space':true}")
            .set("decoder", "{'type':'ByteLevel'}")
            .merges("Ġ a");
    assertIds(small.read(), "ab a", 3, 3);
    BpeTokenizer unknown = small.model("unk_token", "<unk>").read();
    assertIds(unknown, "ab é", 3, 0, 2, 0, 0);
    assertThat(unknown.decode(new int[] {3, 0, 2})).isEqualTo(" a<unk> ");
  }

  @Test
  void encode_prefixSpace_goesBeforeEachStretch() throws IOException {
    BpeTokenizer tokenizer =
        SmallBpe.byteLevel("<s>")
            .added(256, "<s>", "special")
            .set("pre_tokenizer", "{'type':'ByteLevel','add_prefix_space':true}")
            .read();
    assertIds(tokenizer, "a<s>b<s> c", 32, 97, 256, 32, 98, 256, 32, 99);
  }

  @Test
  void encode_addedTokens_longestFromTheLeft() throws IOException {
    BpeTokenizer tokenizer =
        SmallBpe.byteLevel()
            .added(256, "xy")
            .added(257, "xyz")
            .added(258, "yzx")
            .added(259, "<s>", "special")
            .read();
    assertIds(tokenizer, "xyzx", 257, 120);
    assertIds(tokenizer, "ayzxyz", 97, 258, 121, 122);
    assertIds(tokenizer, "xyxyz<s>", 256, 257, 259);
    assertThat(tokenizer.encodeOrdinary("<s>xy")).containsExactly(60, 115, 62, 256);
    assertThat(tokenizer.decode(new int[] {259, 257, 97})).isEqualTo("<s>xyza");
    assertThat(tokenizer.specialTokens()).containsOnly(Map.entry("<s>", 259));
  }

  @Test
  void encode_ordinary_passesOverTheWholeTextOfASpecialToken() throws IOException {
    BpeTokenizer tokenizer =
        SmallBpe.byteLevel().added(256, "<ab>", "special").added(257, "ab").read();
    assertThat(tokenizer.encodeOrdinary("<ab>ab")).containsExactly(60, 97, 98, 62, 257);
  }

  @Test
  void encode_strippingTokens_takeTheWhiteSpaceAlong() throws IOException {
    BpeTokenizer tokenizer =
        SmallBpe.byteLevel()
            .added(256, "<l>", "lstrip")
            .added(257, "<r>", "rstrip")
            .added(258, "<b>", "lstrip", "rstrip")
            .read();
    assertIds(tokenizer, "a \n<l> b", 97, 256, 32, 98);
    assertIds(tokenizer, "a <r>\u3000 b", 97, 32, 257, 98);
    assertIds(tokenizer, "a <b> b", 97, 258, 98);
    assertIds(tokenizer, "<r>  <l>", 257, 256);
    assertIds(tokenizer, " <b> <b> ", 258, 258);
  }

  @Test
  void encode_singleWords_standBetweenOtherCharacters() throws IOException {
    BpeTokenizer tokenizer = SmallBpe.byteLevel().added(256, "ab", "single_word").read();
    assertIds(tokenizer, "ab-ab", 256, 45, 256);
    assertIds(tokenizer, "ab1", 97, 98, 49);
    assertIds(tokenizer, "_ab", 95, 97, 98);
    assertIds(tokenizer, "éab", 195, 169, 97, 98);
    assertIds(tokenizer, "𠮷ab", 240, 160, 174, 183, 97, 98);
  }

  @Test
  void encode_normalizedTokens_areFoundInNormalizedText() throws IOException {
    BpeTokenizer tokenizer =
        SmallBpe.byteLevel()
            .added(256, "AB", "normalized")
            .added(257, "CD")
            .set("normalizer", "{'type':'Lowercase'}")
            .read();
    // AB is looked for as "ab"; CD only as it stands, and before that.
    assertIds(tokenizer, "abABaB", 256, 256, 256);
    assertIds(tokenizer, "CDcd", 257, 99, 100);
    assertIds(tokenizer, "ACDB", 97, 257, 98);
    assertThat(tokenizer.decode(new int[] {256})).isEqualTo("AB");
  }

  private static SmallBpe withTemplate() {
    return SmallBpe.byteLevel()
        .added(256, "<s>", "special")
        .added(257, "</s>", "special")
        .set(
            "post_processor",
            """
            {'type':'Sequence','processors':[
             {'type':'ByteLevel','add_prefix_space':true,'trim_offsets':false,'use_regex':true},
             {'type':'TemplateProcessing',
              'single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}},
                {'SpecialToken':{'id':'</s>','type_id':0}}],
              'pair':[{'Sequence':{'id':'A','type_id':0}},{'Sequence':{'id':'B','type_id':1}}],
              'special_tokens':{'<s>':{'id':'<s>','ids':[256],'tokens':['<s>']},
                '</s>':{'id':'</s>','ids':[257,257],'tokens':['</s>','</s>']}}}]}
            """);
  }

  @Test
  void encode_template_goesAroundTheText() throws IOException {
    BpeTokenizer tokenizer = withTemplate().read();
    assertIds(tokenizer, "a", 256, 97, 257, 257);
    assertIds(tokenizer, "", 256, 257, 257);
    assertThat(tokenizer.encode("a", true)).containsExactly(256, 97, 257, 257);
    assertThat(tokenizer.encode("a<s>", false)).containsExactly(97, 256);
    assertThat(tokenizer.encodeOrdinary("a")).containsExactly(97);
  }

  @Test
  void decode_byteFallbackAndReplace_giveTextWithoutTheFirstSpace() throws IOException {
    BpeTokenizer tokenizer =
        new SmallBpe("▁", "a", "▁a", "<0xC3>", "<0xA9>", "<0xFF>", "b")
            .merges("▁ a")
            .set(
                "normalizer",
                """
                {'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'▁'},
                 {'type':'Replace','pattern':{'String':' '},'content':'▁'}]}
                """)
            .set(
                "decoder",
                """
                {'type':'Sequence','decoders':[
                 {'type':'Replace','pattern':{'String':'▁'},'content':' '},{'type':'ByteFallback'},
                 {'type':'Fuse'},{'type':'Strip','content':' ','start':1,'stop':0}]}
                """)
            .model("byte_fallback", true)
            .read();
    assertIds(tokenizer, "a aéb", 2, 2, 3, 4, 6);
    assertThat(tokenizer.decode(new int[] {2, 2, 3, 4, 6})).isEqualTo("a aéb");
    // A run of bytes that is not UTF-8 is one U+FFFD a byte, as in the Python library.
    assertThat(tokenizer.decode(new int[] {1, 3, 4, 5, 6, 3}))
        .isEqualTo("a\uFFFD\uFFFD\uFFFDb\uFFFD");
    assertThat(tokenizer.bytesOf(2)).containsExactly(' ', 'a');
    assertThat(tokenizer.bytesOf(3)).containsExactly(0xC3);
  }

  @Test
  void decode_otherDecoders_giveTheirText() throws IOException {
    SmallBpe small = new SmallBpe("▁a", "b", "▁", "Ġ");
    int[] ids = {0, 1, 2, 0};
    assertThat(small.set("decoder", "{'type':'Metaspace','replacement':'▁'}").read().decode(ids))
        .isEqualTo("ab  a");
    String never = "{'type':'Metaspace','replacement':'▁','prepend_scheme':'never'}";
    assertThat(small.set("decoder", never).read().decode(ids)).isEqualTo(" ab  a");
    String strip = "{'type':'Strip','content':'▁','start':1,'stop':1}";
    assertThat(small.set("decoder", strip).read().decode(ids)).isEqualTo("aba");
    String regex = "{'type':'Replace','pattern':{'Regex':'[▁b]'},'content':'-'}";
    assertThat(small.set("decoder", regex).read().decode(ids)).isEqualTo("-a---a");
    small.file().put("decoder", null);
    assertThat(small.read().decode(ids)).isEqualTo("▁a b ▁ ▁a");
  }

  @Test
  void decode_byteLevel_keepsAddedTokensLiteral() throws IOException {
    BpeTokenizer tokenizer = SmallBpe.byteLevel("あ").added(257, "Ġ é").read();
    assertThat(tokenizer.decode(new int[] {257, 256, 0xE3, 0x81, 0x82, 0xFF}))
        .isEqualTo("Ġ éああ\uFFFD");
  }

  @Test
  void read_gapsInTheIds_areNoTokens() throws IOException {
    SmallBpe small = SmallBpe.byteLevel();
    small.added(300, "<s>", "special");
    small.model("vocab", withGap());
    BpeTokenizer tokenizer = small.read();
    assertThat(tokenizer.vocabSize()).isEqualTo(301);
    assertIds(tokenizer, "a<s>", 97, 300);
    assertThat(tokenizer.decode(new int[] {97, 270, 300})).isEqualTo("a<s>");
    assertThat(tokenizer.bytesOf(270)).isEmpty();
  }

  private static Map<String, Object> withGap() {
    Map<String, Object> vocab = new java.util.LinkedHashMap<>();
    for (int b = 0; b < 256; b++) {
      vocab.put(String.valueOf(ByteAlphabet.symbolOf(b)), (long) b);
    }
    vocab.put("the", 280L);
    return vocab;
  }

  @Test
  void save_allOptions_loadsTheSameTokenizerWithAllFields(@TempDir Path folder) throws IOException {
    BpeTokenizer tokenizer =
        withTemplate()
            .added(258, "AB", "normalized", "single_word", "lstrip", "rstrip")
            .set("normalizer", "{'type':'Lowercase'}")
            .model("ignore_merges", true)
            .model("unk_token", "a")
            .model("fuse_unk", true)
            .model("byte_fallback", true)
            .read();
    Path file = folder.resolve("tokenizer.json");
    tokenizer.save(file);
    Tokenizer loaded = Tokenizer.load(file);
    for (String text : List.of("ab x AB<s> y é", "xab", " ab ")) {
      assertThat(loaded.encode(text)).isEqualTo(tokenizer.encode(text));
    }
    Path again = folder.resolve("again.json");
    loaded.save(again);
    assertThat(again).hasSameBinaryContentAs(file);
    assertThat(Json.readObject(file).members().keySet())
        .containsExactly(
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
            "model");
    assertThat(Json.readObject(file).requireObject("model").members().keySet())
        .containsExactly(
            "type",
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "fuse_unk",
            "byte_fallback",
            "ignore_merges",
            "vocab",
            "merges");
    assertThat(Json.readObject(file).requireList("added_tokens"))
        .allSatisfy(token ->
            assertThat(((Map<?, ?>) token).keySet().toArray())
                .containsExactly(
                    "id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"));
  }

  @Test
  void save_mergesWithSpaces_areWrittenAsPairs(@TempDir Path folder) throws IOException {
    SmallBpe small = new SmallBpe("a", " ", " a");
    BpeTokenizer tokenizer = small.model("merges", List.of(List.of(" ", "a"))).read();
    tokenizer.save(folder.resolve("t.json"));
    assertIds(Tokenizer.load(folder.resolve("t.json")), "a a", 0, 2);
  }

  @Test
  void read_whatIsNotSupported_isRefusedByName() {
    List<Object[]> cases = new ArrayList<>();
    cases.add(new Object[] {"post_processor", "{'type':'BertProcessing'}", "\"BertProcessing\""});
    cases.add(new Object[] {"decoder", "{'type':'WordPiece'}", "\"WordPiece\""});
    cases.add(
        new Object[] {
          "decoder",
          "{'type':'Sequence','decoders':[{'type':'Fuse'},{'type':'ByteLevel'}]}",
          "key decoder.decoders[1] is not the first decoder"
        });
    cases.add(
        new Object[] {
          "decoder",
          "{'type':'Strip','content':'ab','start':1,'stop':0}",
          "key decoder.content is \"ab\", expected one character"
        });
    String text = "{'Sequence':{'id':'A'}}";
    String[][] templates = {
      {"", "key post_processor.single leaves the text out"},
      {text + "," + text, "key post_processor.single[1] is the text a second time"},
      {"{'Sequence':{'id':'B'}}", "key post_processor.single[0].Sequence.id is \"B\""},
      {"{'SpecialToken':{'id':'x'}}," + text, "key post_processor.special_tokens.x is missing"},
      {"'$A'", "key post_processor.single[0] is \"$A\", expected an object"}
    };
    for (String[] bad : templates) {
      cases.add(
          new Object[] {
            "post_processor",
            "{'type':'TemplateProcessing','single':[" + bad[0] + "],'special_tokens':{}}",
            bad[1]
          });
    }
    cases.add(new Object[] {"padding", "{}", "key padding is an object, expected null"});
    for (Object[] bad : cases) {
      assertThatExceptionOfType(DataException.class)
          .as("%s", bad[1])
          .isThrownBy(() -> SmallBpe.byteLevel().set((String) bad[0], (String) bad[1]).read())
          .withMessageStartingWith("test: ")
          .withMessageContaining((String) bad[2]);
    }
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() ->
            SmallBpe.byteLevel()
                .set("normalizer", "{'type':'Strip','strip_left':true,'strip_right':true}")
                .added(256, "  ", "normalized")
                .read())
        .withMessageContaining("key added_tokens[0].content is \"  \", of which the normalizer");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> SmallBpe.byteLevel().added(257, "x y").read())
        .withMessageContaining("key added_tokens[0].id is 257, expected 256, the next id");
  }
}
