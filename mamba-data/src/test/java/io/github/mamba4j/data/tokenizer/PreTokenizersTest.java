package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreTokenizersTest {

  /** The pieces of a text, a stroke between them. */
  private static String pieces(String json, String text) throws IOException {
    List<String> pieces = new ArrayList<>();
    PieceSink sink = (chars, from, to, atStart) -> pieces.add(new String(chars, from, to - from));
    for (PreTokenizer step : PreTokenizers.read(SmallBpe.value(json)).reversed()) {
      PieceSink next = sink;
      sink = (chars, from, to, atStart) -> step.cut(chars, from, to, atStart, next);
    }
    sink.piece(text.toCharArray(), 0, text.length(), true);
    return String.join("|", pieces);
  }

  @ParameterizedTest
  @CsvSource({
    "Removed, false, the|final|countdown",
    "Isolated, false, the|-|final|-|-|countdown",
    "MergedWithPrevious, false, the-|final-|-|countdown",
    "MergedWithNext, false, the|-final|-|-countdown",
    "Contiguous, false, the|-|final|--|countdown",
    "Removed, true, -|-|-",
    "Isolated, true, the|-|final|-|-|countdown",
    "MergedWithPrevious, true, the|-final|-|-countdown",
    "MergedWithNext, true, the-|final-|-|countdown",
    "Contiguous, true, the|-|final|--|countdown"
  })
  void split_behaviors_cutAsThePythonLibrary(String behavior, String invert, String expected)
      throws IOException {
    for (String pattern : List.of("{'String':'-'}", "{'Regex':'-'}")) {
      String json =
          "{'type':'Split','pattern':%s,'behavior':'%s','invert':%s}"
              .formatted(pattern, behavior, invert);
      assertThat(pieces(json, "the-final--countdown")).isEqualTo(expected);
    }
  }

  @Test
  void split_stringOfRegexCharacters_isLiteral() throws IOException {
    String json = "{'type':'Split','pattern':{'String':'.*'},'behavior':'Removed','invert':false}";
    assertThat(pieces(json, "a.*b.c*")).isEqualTo("a|b.c*");
  }

  @Test
  void split_emptyMatches_cutOnceBetweenCharacters() throws IOException {
    String json = "{'type':'Split','pattern':{'Regex':'x*'},'behavior':'Isolated','invert':false}";
    // Matches: "" before a, "xx", "" before 𠮷, "" at the end; empty pieces are dropped.
    assertThat(pieces(json, "axx𠮷")).isEqualTo("a|xx|𠮷");
  }

  @Test
  void digits_individualOrNot_areNumbersOfEveryKind() throws IOException {
    assertThat(pieces("{'type':'Digits','individual_digits':true}", "Call 123 ½٣𝟗x"))
        .isEqualTo("Call |1|2|3| |½|٣|𝟗|x");
    assertThat(pieces("{'type':'Digits','individual_digits':false}", "Call 123 ½٣𝟗x"))
        .isEqualTo("Call |123| |½٣𝟗|x");
  }

  @Test
  void punctuation_asciiSymbolsAndUnicodeP_areCut() throws IOException {
    assertThat(pieces("{'type':'Punctuation'}", "Hey! a$b «c»€?!"))
        .isEqualTo("Hey|!| a|$|b |«|c|»|€|?|!");
    assertThat(pieces("{'type':'Punctuation','behavior':'Contiguous'}", "no?!? ..."))
        .isEqualTo("no|?!?| |...");
  }

  @Test
  void whitespaceSplit_anyWhiteSpace_isRemoved() throws IOException {
    assertThat(pieces("{'type':'WhitespaceSplit'}", " a b\u3000\nc\u00A0")).isEqualTo("a|b|c");
  }

  @Test
  void byteLevel_options_giveTheByteAlphabet() throws IOException {
    String json = "{'type':'ByteLevel','add_prefix_space':%s,'trim_offsets':true,'use_regex':%s}";
    assertThat(pieces(json.formatted("false", "true"), "I'm é 1\n")).isEqualTo("I|'m|ĠÃ©|Ġ1|Ċ");
    assertThat(pieces(json.formatted("true", "true"), "I'm")).isEqualTo("ĠI|'m");
    assertThat(pieces(json.formatted("true", "true"), " I'm")).isEqualTo("ĠI|'m");
    assertThat(pieces(json.formatted("true", "false"), "I'm 1")).isEqualTo("ĠI'mĠ1");
    assertThat(pieces(json.formatted("true", "true"), "\nx")).isEqualTo("Ġ|Ċ|x");
  }

  @Test
  void sequence_stepsAfterByteLevel_seeItsCharacters() throws IOException {
    String json =
        """
        {'type':'Sequence','pretokenizers':[
          {'type':'Punctuation','behavior':'Contiguous'},
          {'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true},
          {'type':'Digits','individual_digits':false},
          {'type':'Split','pattern':{'Regex':'[0-9][0-9][0-9]'},'behavior':'Isolated',
           'invert':false}]}
        """;
    // U+00D3 is the bytes C3 93, the second written as U+0135; U+00F2 is C3 B2, and B2 is written
    // as the number ², which Digits cuts.
    assertThat(pieces(json, "a, 12345 Ó ò")).isEqualTo("a|,|Ġ|123|45|ĠÃĵ|ĠÃ|²");
  }

  @Test
  void metaspace_schemes_prependAndCut() throws IOException {
    String json = "{'type':'Metaspace','replacement':'▁','prepend_scheme':'%s','split':%s}";
    assertThat(pieces(json.formatted("always", "true"), "Hey  you")).isEqualTo("▁Hey|▁|▁you");
    assertThat(pieces(json.formatted("always", "true"), " Hey")).isEqualTo("▁Hey");
    assertThat(pieces(json.formatted("never", "true"), "Hey you")).isEqualTo("Hey|▁you");
    assertThat(pieces(json.formatted("first", "false"), "Hey you")).isEqualTo("▁Hey▁you");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "{'type':'BertPreTokenizer'} ~ key type is \"BertPreTokenizer\", which is not supported",
        "{'type':'Split','pattern':{'Regex':'a'},'behavior':'Merged','invert':false} ~ key behavior"
            + " is \"Merged\", expected \"Removed\", \"Isolated\"",
        "{'type':'Split','pattern':{'Regex':'a(?#b)'},'behavior':'Removed','invert':false} ~ key"
            + " pattern.Regex is the regular expression \"a(?#b)\", which is not supported: the"
            + " group \"(?#b\" at index 1",
        "{'type':'Split','pattern':{},'behavior':'Removed','invert':false} ~ key pattern has to"
            + " have one of",
        "{'type':'Split','pattern':{'String':'a'},'behavior':'Removed','invert':0} ~ key invert is"
            + " 0",
        "{'type':'Digits'} ~ key individual_digits is missing or null, expected true or false",
        "{'type':'Sequence','pretokenizers':[{'type':'ByteLevel'}]} ~ key"
            + " pretokenizers[0].add_prefix_space is missing",
        "{'type':'Sequence','pretokenizers':[7]} ~ key pretokenizers[0] is 7, expected an object",
        "{'type':'Metaspace','replacement':'ab'} ~ key replacement is not one character",
        "{'type':'Metaspace','replacement':'_','prepend_scheme':'last'} ~ key prepend_scheme is"
            + " \"last\"",
      })
  void read_whatIsNotSupported_isRefusedByName(String json, String message) {
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> PreTokenizers.read(SmallBpe.value(json)))
        .withMessageStartingWith("test: ")
        .withMessageContaining(message.strip());
  }
}
