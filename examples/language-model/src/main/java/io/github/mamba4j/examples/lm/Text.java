package io.github.mamba4j.examples.lm;

import java.util.Locale;

/** Numbers as people read them, the same in every locale. */
final class Text {
  private Text() {}

  static String format(String pattern, Object... arguments) {
    return String.format(Locale.ROOT, pattern, arguments);
  }

  /** Formats a duration, as in 0:07, 12:34 or 1:02:03. */
  static String duration(long nanos) {
    long seconds = Math.round(nanos / 1e9);
    long hours = seconds / 3600;
    return hours > 0
        ? format("%d:%02d:%02d", hours, seconds / 60 % 60, seconds % 60)
        : format("%d:%02d", seconds / 60, seconds % 60);
  }

  /** Formats a perplexity, which may be huge. */
  static String perplexity(double value) {
    return value < 1e5 ? format("%.2f", value) : format("%.2e", value);
  }
}
