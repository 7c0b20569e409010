package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;

/** What a tokenizer does to the text before it cuts it into pieces. */
@FunctionalInterface
interface TextNormalizer {

  /** Below U+0300 no character changes in NFC, whatever its neighbours. */
  char FIRST_NOT_STABLE_IN_NFC = 0x300;

  /** The text as it is. */
  TextNormalizer NONE = text -> text;

  /** The normalized text, well-formed as the text is. */
  String normalize(String text);

  /** One of Unicode's normalization forms. */
  static TextNormalizer form(Normalizer.Form form) {
    char stableBelow =
        switch (form) {
          case NFC -> FIRST_NOT_STABLE_IN_NFC;
          default -> 0x80;
        };
    // Asking first is several times as fast as normalizing what is normalized already.
    return text ->
        allBelow(text, stableBelow) || Normalizer.isNormalized(text, form)
            ? text
            : Normalizer.normalize(text, form);
  }

  private static boolean allBelow(String text, char limit) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) >= limit) {
        return false;
      }
    }
    return true;
  }

  /** One after the other. */
  static TextNormalizer sequence(List<TextNormalizer> normalizers) {
    List<TextNormalizer> all = List.copyOf(normalizers);
    return text -> {
      String result = text;
      for (TextNormalizer normalizer : all) {
        result = normalizer.normalize(result);
      }
      return result;
    };
  }

  /** Each code point's lower case, without regard to its neighbours (no final sigma). */
  static String lowercase(String text) {
    StringBuilder lower = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          if (c == 0x130) {
            lower.append("i\u0307"); // the only code point whose lower case is two
          } else {
            lower.appendCodePoint(Character.toLowerCase(c));
          }
        });
    return lower.toString();
  }

  /** The text without marks (general category M). */
  static String stripAccents(String text) {
    StringBuilder kept = new StringBuilder(text.length());
    text.codePoints()
        .filter(c -> CharClasses.of(c) != CharClasses.MARK)
        .forEach(kept::appendCodePoint);
    return kept.toString();
  }

  /** Without white space at the ends asked for. */
  static TextNormalizer strip(boolean left, boolean right) {
    return text -> {
      int from = 0;
      int to = text.length();
      while (left && from < to && CharClasses.isWhiteSpace(text.charAt(from))) {
        from++;
      }
      while (right && to > from && CharClasses.isWhiteSpace(text.charAt(to - 1))) {
        to--;
      }
      return text.substring(from, to);
    };
  }

  /** Something before every text that is not empty. */
  static TextNormalizer prepend(String start) {
    return text -> text.isEmpty() ? text : start + text;
  }

  /** Every match by a literal text. */
  static TextNormalizer replace(TextPattern pattern, String content) {
    return text -> pattern.replaceAll(text, content);
  }

  /** Reads a normalizer of {@code tokenizer.json}; null is none. */
  static TextNormalizer read(JsonValue json) throws DataException {
    if (json.isNull()) {
      return NONE;
    }
    String type = json.get("type").string();
    return switch (type) {
      case "NFC", "NFD", "NFKC", "NFKD" -> {
        json.allowOnly("type");
        yield form(Normalizer.Form.valueOf(type));
      }
      case "Lowercase" -> {
        json.allowOnly("type");
        yield TextNormalizer::lowercase;
      }
      case "StripAccents" -> {
        json.allowOnly("type");
        yield TextNormalizer::stripAccents;
      }
      case "Strip" -> {
        json.allowOnly("type", "strip_left", "strip_right");
        yield strip(json.get("strip_left").bool(), json.get("strip_right").bool());
      }
      case "Prepend" -> {
        json.allowOnly("type", "prepend");
        yield prepend(json.get("prepend").text());
      }
      case "Replace" -> {
        json.allowOnly("type", "pattern", "content");
        yield replace(TextPattern.read(json.get("pattern")), json.get("content").string());
      }
      case "Sequence" -> {
        json.allowOnly("type", "normalizers");
        List<TextNormalizer> parts = new ArrayList<>();
        for (JsonValue part : json.get("normalizers").items()) {
          parts.add(read(part));
        }
        yield sequence(parts);
      }
      default ->
          throw json.unsupportedType(
              "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Sequence");
    };
  }
}
