package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextNormalizerTest {

  private static String normalize(String json, String text) throws IOException {
    return TextNormalizer.read(SmallBpe.value(json)).normalize(text);
  }

  @ParameterizedTest
  @CsvSource({
    "NFC, e\u0301ﬁ①, éﬁ①",
    "NFD, éﬁ①, e\u0301ﬁ①",
    "NFKC, e\u0301ﬁ①が, éfi1が",
    "NFKD, éﬁ①が, e\u0301fi1か\u3099",
    "Lowercase, ΑΣ İSTANBUL ǅ, ας i\u0307stanbul ǆ",
    "StripAccents, e\u0301か\u3099x, eかx"
  })
  void normalize_formsAndLetters_giveTheirText(String type, String text, String expected)
      throws IOException {
    // One code point at a time: no final sigma.
    String wanted = type.equals("Lowercase") ? expected.replace('ς', 'σ') : expected;
    assertThat(normalize("{'type':'" + type + "'}", text)).isEqualTo(wanted);
  }

  @Test
  void normalize_editing_givesTheEditedText() throws IOException {
    assertThat(normalize("{'type':'Strip','strip_left':true,'strip_right':false}", " \u3000a b\n"))
        .isEqualTo("a b\n");
    assertThat(normalize("{'type':'Strip','strip_left':true,'strip_right':true}", " \n")).isEmpty();
    assertThat(normalize("{'type':'Prepend','prepend':'▁'}", "a")).isEqualTo("▁a");
    assertThat(normalize("{'type':'Prepend','prepend':'▁'}", "")).isEmpty();
    assertThat(normalize("{'type':'Replace','pattern':{'String':'.'},'content':'$0'}", "a.b.c"))
        .isEqualTo("a$0b$0c");
    assertThat(
            normalize("{'type':'Replace','pattern':{'Regex':' {2,}'},'content':' '}", "a    b c"))
        .isEqualTo("a b c");
  }

  @Test
  void normalize_sequence_goesFromFirstToLast() throws IOException {
    String json =
        """
        {'type':'Sequence','normalizers':[{'type':'NFD'},{'type':'StripAccents'},
         {'type':'Lowercase'},{'type':'Prepend','prepend':'X'}]}
        """;
    assertThat(normalize(json, "ÀÉ")).isEqualTo("Xae");
  }

  @Test
  void read_whatIsNotSupported_isRefusedByName() {
    String[][] cases = {
      {"{'type':'BertNormalizer'}", "key type is \"BertNormalizer\", which is not supported"},
      {"{'type':'NFC','more':1}", "key more is not supported"},
      {"{'type':'Sequence','normalizers':[{'type':'Nmt'}]}", "key normalizers[0].type is \"Nmt\""},
      {"{'type':'Strip','strip_left':true}", "key strip_right is missing"},
      {"{'type':'Replace','pattern':{'Regex':'('},'content':''}", "is the regular expression"},
      {"{}", "key type is missing or null, expected a string"}
    };
    for (String[] bad : cases) {
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> TextNormalizer.read(SmallBpe.value(bad[0])))
          .withMessageContaining(bad[1]);
    }
  }
}
