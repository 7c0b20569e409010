package io.github.mamba4j.data.tokenizer;

import java.util.Random;

/** Random well-formed text: words of several scripts, odd white space, marks, emoji, anything. */
final class RandomText {

  private static final String[] FRAGMENTS = {
    "the",
    "don't",
    "we'll",
    "I'VE",
    "it's",
    "'s",
    "'",
    "''re",
    " ",
    "  ",
    "   ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\u00A0",
    "\u3000",
    "\u2028",
    "\u0085",
    "\u200B",
    "def f(x):\n    return x\n",
    "123",
    "４５６",
    "½",
    "Ⅷ",
    "東京",
    "は",
    "データ",
    "々",
    "。",
    "、",
    "「",
    "👩‍👩‍👧‍👦",
    "🐍",
    "🇯🇵",
    "e\u0301",
    "\u0301",
    "\u3099",
    "か\u3099",
    "naïve",
    "ﬁ",
    "Ω",
    "ß",
    "\u0000",
    "\uFFFD",
    "\uFEFF",
    "𝒳",
    "𠮷",
    "١٢",
    "ǅ",
    "!?",
    "...",
    "_",
    "-",
    "<|endoftext|>",
    "<|unk|>",
    "<|",
    "Ġ",
    "क्षि",
    "ㅎ",
    "한국"
  };

  private final Random random;

  RandomText(long seed) {
    this.random = new Random(seed);
  }

  String next() {
    StringBuilder text = new StringBuilder();
    int parts = random.nextInt(30);
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(4)) {
        case 0 -> text.appendCodePoint(anyCodePoint());
        case 1 -> text.append((char) (' ' + random.nextInt(95)));
        default -> text.append(FRAGMENTS[random.nextInt(FRAGMENTS.length)]);
      }
    }
    return text.toString();
  }

  private int anyCodePoint() {
    while (true) {
      int c = random.nextInt(random.nextBoolean() ? 0x3100 : Character.MAX_CODE_POINT + 1);
      if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
        return c;
      }
    }
  }

  /** Words over a small alphabet, so that pairs repeat and tie. */
  String words(int count, String alphabet) {
    StringBuilder text = new StringBuilder();
    int[] letters = alphabet.codePoints().toArray();
    for (int i = 0; i < count; i++) {
      int length = 1 + random.nextInt(9);
      for (int k = 0; k < length; k++) {
        text.appendCodePoint(letters[random.nextInt(letters.length)]);
      }
      text.append(random.nextInt(10) == 0 ? '\n' : ' ');
    }
    return text.toString();
  }
}
