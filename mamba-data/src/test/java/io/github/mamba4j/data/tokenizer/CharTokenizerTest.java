package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class CharTokenizerTest {

  @Test
  void train_text_ordersByCountThenCodePoint() throws IOException {
    CharTokenizer tokenizer = CharTokenizer.train(List.of("bbaac🐍", "東b")::forEach, 100, 1);
    assertThat(tokenizer.vocabSize()).isEqualTo(2 + 5);
    assertThat(tokenizer.encode("bac東🐍")).containsExactly(2, 3, 4, 5, 6);
    assertThat(tokenizer.specialTokens()).containsEntry("<|endoftext|>", 0).hasSize(2);
  }

  @Test
  void encode_unknownCharacters_giveTheUnknownToken() throws IOException {
    CharTokenizer tokenizer = CharTokenizer.train(List.of("ab")::forEach, 100, 1);
    int[] ids = tokenizer.encode("a東🐍b");
    assertThat(ids).containsExactly(2, tokenizer.unknownId(), tokenizer.unknownId(), 3);
    assertThat(tokenizer.decode(ids)).isEqualTo("a<|unk|><|unk|>b");
  }

  @Test
  void train_limits_leaveRareCharactersOut() throws IOException {
    List<String> texts = List.of("aaabbc");
    assertThat(CharTokenizer.train(texts::forEach, 100, 2).vocabSize()).isEqualTo(4);
    assertThat(CharTokenizer.train(texts::forEach, 3, 1).encode("abc")).containsExactly(2, 1, 1);
  }

  @Test
  void train_badArguments_areRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CharTokenizer.train(List.of("a")::forEach, 2, 1))
        .withMessageContaining("maxVocabSize is 2, expected at least 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CharTokenizer.train(List.of("a")::forEach, 9, 0))
        .withMessageContaining("minCount is 0, expected 1 or more");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CharTokenizer.train(List.of("a")::forEach, 9, 2))
        .withMessageContaining("no character occurs 2 times");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CharTokenizer.train(List.of("\uDC00")::forEach, 9, 2))
        .withMessageContaining("unpaired surrogate at index 0");
  }
}
