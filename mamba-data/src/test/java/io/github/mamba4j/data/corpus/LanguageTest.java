package io.github.mamba4j.data.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LanguageTest {

  @ParameterizedTest
  @CsvSource({
    "吾輩は猫である。名前はまだ無い。, JAPANESE",
    "データ, JAPANESE",
    "東京, JAPANESE",
    "Java の Vector API を使う, JAPANESE",
    "The quick brown fox says 猫., ENGLISH",
    "naïve café, ENGLISH",
    "Привет мир, OTHER",
    "123 ... 456, OTHER",
    "🐍🐍, OTHER"
  })
  void of_text_tellsTheLanguage(String text, Language expected) {
    assertThat(Language.of(text)).isEqualTo(expected);
  }

  @Test
  void of_manyKanjiWithoutKana_isNotJapanese() {
    assertThat(Language.of("天地玄黄宇宙洪荒".repeat(7))).isEqualTo(Language.OTHER);
    assertThat(Language.of("天地玄黄宇宙洪荒".repeat(7) + "の")).isEqualTo(Language.JAPANESE);
  }

  @Test
  void statistics_documents_addUp() {
    LanguageStatistics statistics = new LanguageStatistics();
    statistics.add(new Document("猫🐍", Language.JAPANESE, "a"), 5);
    statistics.add(new Document("犬です", Language.JAPANESE, "b"), 7);
    statistics.add(new Document("x = 1", Language.PYTHON, "c"), 3);
    assertThat(statistics.of(Language.JAPANESE)).isEqualTo(new LanguageStatistics.Counts(2, 5, 12));
    assertThat(statistics.of(Language.ENGLISH)).isEqualTo(new LanguageStatistics.Counts(0, 0, 0));
    assertThat(statistics.total()).isEqualTo(new LanguageStatistics.Counts(3, 10, 15));
  }
}
