package io.github.mamba4j.data.corpus;

/**
 * The language of a document, told by a rule of thumb that looks at characters only.
 *
 * <p>A {@code .py} file is {@link #PYTHON}. Of any other text the letters are counted: it is {@link
 * #JAPANESE} if at least 20 % of them are kana or kanji (but not if there are more than 50 kanji
 * and no kana at all, which is Chinese), else {@link #ENGLISH} if at least 50 % are of the Latin
 * script, else {@link #OTHER}. So French counts as English, and Python code in a {@code .txt} file
 * too.
 */
public enum Language {
  /** Text with kana and kanji. */
  JAPANESE,
  /** Text in the Latin script. */
  ENGLISH,
  /** Python source code. */
  PYTHON,
  /** Anything else, text without a letter included. */
  OTHER;

  private static final int KANJI_ALONE = 50;

  /**
   * Tells the language of a text that is not known to be source code.
   *
   * @param text the text
   * @return {@link #JAPANESE}, {@link #ENGLISH} or {@link #OTHER}
   */
  public static Language of(String text) {
    long letters = 0;
    long kana = 0;
    long kanji = 0;
    long latin = 0;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        letters++;
        latin++;
      } else if (c >= 0x80 && Character.isLetter(c)) {
        letters++;
        switch (Character.UnicodeScript.of(c)) {
          case HIRAGANA, KATAKANA -> kana++;
          case HAN -> kanji++;
          case LATIN -> latin++;
          default -> {}
        }
      }
    }
    if (letters == 0) {
      return OTHER;
    }
    boolean chinese = kana == 0 && kanji > KANJI_ALONE;
    if (5 * (kana + kanji) >= letters) {
      return chinese ? OTHER : JAPANESE;
    }
    return 2 * latin >= letters ? ENGLISH : OTHER;
  }
}
