package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.corpus.Language;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import java.util.Locale;

/** Counts of texts, characters and tokens as a table for people. */
final class StatisticsTable {
  private static final String ROW = "  %-10s %10s %14s %14s%n";

  private StatisticsTable() {}

  static String of(LanguageStatistics statistics) {
    StringBuilder text = new StringBuilder();
    text.append(Text.format(ROW, "language", "texts", "characters", "tokens"));
    for (Language language : Language.values()) {
      LanguageStatistics.Counts counts = statistics.of(language);
      if (counts.texts() > 0) {
        text.append(row(name(language), counts));
      }
    }
    return text.append(row("all", statistics.total())).toString().stripTrailing();
  }

  static String name(Language language) {
    String name = language.name();
    return name.charAt(0) + name.substring(1).toLowerCase(Locale.ROOT);
  }

  private static String row(String name, LanguageStatistics.Counts counts) {
    return Text.format(
        ROW,
        name,
        Text.format("%,d", counts.texts()),
        Text.format("%,d", counts.characters()),
        Text.format("%,d", counts.tokens()));
  }
}
