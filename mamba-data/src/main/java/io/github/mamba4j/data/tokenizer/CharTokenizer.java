package io.github.mamba4j.data.tokenizer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One token a Unicode code point that the training text held: id 0 is {@link
 * Tokenizer#END_OF_TEXT}, id 1 is {@link #UNKNOWN} for every other code point, then come the code
 * points, the most frequent first.
 *
 * <p>A text of known code points decodes to itself; an unknown one comes back as the literal text
 * of {@link #UNKNOWN}.
 */
public final class CharTokenizer extends VocabularyTokenizer {

  /** The literal text of the token for unknown code points. */
  public static final String UNKNOWN = "<|unk|>";

  private static final int UNKNOWN_ID = 1;
  private static final int SPECIALS = 2;
  private static final int CODE_POINTS = Character.MAX_CODE_POINT + 1;

  private final int[] codePoints;
  private final int[] basicPlaneIds;
  private final Map<Integer, Integer> otherIds;

  /** Takes the code points in the order of their ids, without doubles and surrogates. */
  CharTokenizer(int[] codePoints) {
    super(byteTable(codePoints), AddedTokens.specials(List.of(END_OF_TEXT, UNKNOWN), 0));
    this.codePoints = codePoints;
    this.basicPlaneIds = new int[Character.MIN_SUPPLEMENTARY_CODE_POINT];
    this.otherIds = new HashMap<>();
    java.util.Arrays.fill(basicPlaneIds, UNKNOWN_ID);
    for (int i = 0; i < codePoints.length; i++) {
      if (codePoints[i] < basicPlaneIds.length) {
        basicPlaneIds[codePoints[i]] = SPECIALS + i;
      } else {
        otherIds.put(codePoints[i], SPECIALS + i);
      }
    }
  }

  /**
   * Learns the vocabulary of a text: the most frequent code points, of equally frequent ones the
   * smaller first.
   *
   * @param source the texts
   * @param maxVocabSize the most tokens to have, with the two special ones, at least 3
   * @param minCount how often a code point has to occur to get a token, positive
   * @return the tokenizer
   * @throws IOException if the texts cannot be read
   * @throws IllegalArgumentException if an argument is out of range, a text has an unpaired
   *     surrogate, or no code point occurs often enough
   */
  public static CharTokenizer train(TextSource source, int maxVocabSize, long minCount)
      throws IOException {
    if (maxVocabSize <= SPECIALS) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "CharTokenizer.train: maxVocabSize is %d, expected at least %d (%d special "
                  + "tokens and one character)",
              maxVocabSize,
              SPECIALS + 1,
              SPECIALS));
    }
    if (minCount < 1) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "CharTokenizer.train: minCount is %d, expected 1 or more", minCount));
    }
    long[] counts = new long[CODE_POINTS];
    source.forEach(text -> count(text, counts));
    List<Integer> found = new ArrayList<>();
    for (int codePoint = 0; codePoint < CODE_POINTS; codePoint++) {
      if (counts[codePoint] >= minCount) {
        found.add(codePoint);
      }
    }
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "CharTokenizer.train: no character occurs %d times in the training text, "
                  + "expected some; use more text or a smaller minCount",
              minCount));
    }
    // A stable sort: code points of equal count stay in ascending order.
    found.sort(Comparator.comparingLong((Integer codePoint) -> -counts[codePoint]));
    return new CharTokenizer(
        found.stream().limit(maxVocabSize - SPECIALS).mapToInt(Integer::intValue).toArray());
  }

  private static void count(String text, long[] counts) {
    int unpaired = unpairedSurrogate(text);
    if (unpaired >= 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "CharTokenizer.train: a text has an unpaired surrogate at index %d, expected "
                  + "well-formed text",
              unpaired));
    }
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      counts[codePoint]++;
      i += Character.charCount(codePoint);
    }
  }

  private static byte[][] byteTable(int[] codePoints) {
    byte[][] table = new byte[SPECIALS + codePoints.length][];
    table[0] = END_OF_TEXT.getBytes(StandardCharsets.UTF_8);
    table[UNKNOWN_ID] = UNKNOWN.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < codePoints.length; i++) {
      table[SPECIALS + i] = Character.toString(codePoints[i]).getBytes(StandardCharsets.UTF_8);
    }
    return table;
  }

  /**
   * The id of {@link #UNKNOWN}.
   *
   * @return the id
   */
  public int unknownId() {
    return UNKNOWN_ID;
  }

  @Override
  void encodeInto(String text, boolean withSpecials, TokenBuffer out) {
    addedTokens()
        .split(
            text,
            withSpecials,
            new AddedTokens.Sink() {
              @Override
              public void token(int id) {
                out.add(id);
              }

              @Override
              public void stretch(String whole, int from, int to) {
                encodeStretch(whole, from, to, out);
              }
            });
  }

  private void encodeStretch(String text, int from, int to, TokenBuffer out) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)) {
        i++;
        out.add(otherIds.getOrDefault(Character.toCodePoint(c, text.charAt(i)), UNKNOWN_ID));
      } else {
        out.add(basicPlaneIds[c]);
      }
    }
  }

  @Override
  public void save(Path file) throws IOException {
    TokenizerFiles.write(
        file, "char", Map.of("characters", new String(codePoints, 0, codePoints.length)));
  }
}
