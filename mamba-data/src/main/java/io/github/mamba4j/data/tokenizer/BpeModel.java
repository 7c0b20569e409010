package io.github.mamba4j.data.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The merging half of a BPE tokenizer: a piece of text to its tokens, with a cache. */
final class BpeModel {

  /**
   * The options of the model as {@code tokenizer.json} names them.
   *
   * @param unkToken the token of characters without one, or null
   * @param fuseUnk whether unknown characters in a row are one token
   * @param byteFallback whether the bytes of unknown characters are tokens
   * @param ignoreMerges whether a piece that is a token needs no merges
   */
  record Options(
      @Nullable String unkToken, boolean fuseUnk, boolean byteFallback, boolean ignoreMerges) {

    /** None of them. */
    static final Options NONE = new Options(null, false, false, false);
  }

  private final Options options;
  private final MergeTable merges;
  private final int[] idOfByte;

  /** Null if pieces are bytes that all have a token. */
  private final @Nullable CharSymbols characters;

  /** Null if pieces are never looked up as a whole. */
  private final @Nullable Map<String, Integer> words;

  private final boolean takesBytes;
  private final int longestWord;
  private final PieceCache cache = new PieceCache();

  /**
   * Takes the vocabulary as the file has it.
   *
   * @param bytesLast whether the text is turned into the byte alphabet right before it gets here;
   *     then this class does that if it can, and {@link #takesBytes} says so
   */
  BpeModel(Map<String, Integer> vocab, MergeTable merges, Options options, boolean bytesLast) {
    this.options = options;
    this.merges = merges;
    this.idOfByte = idOfByte(vocab);
    this.takesBytes = bytesLast && missingByte(idOfByte) < 0;
    this.characters =
        takesBytes
            ? null
            : new CharSymbols(
                vocab,
                options.byteFallback(),
                options.unkToken() == null ? -1 : vocab.getOrDefault(options.unkToken(), -1),
                options.fuseUnk());
    this.words = options.ignoreMerges() ? new HashMap<>(vocab) : null;
    this.longestWord = vocab.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  private static int[] idOfByte(Map<String, Integer> vocab) {
    int[] ids = new int[256];
    for (int b = 0; b < ids.length; b++) {
      ids[b] = vocab.getOrDefault(String.valueOf(ByteAlphabet.symbolOf(b)), -1);
    }
    return ids;
  }

  /** The first byte of UTF-8 without a token, or -1. */
  private static int missingByte(int[] idOfByte) {
    for (int b = 0; b < idOfByte.length; b++) {
      boolean neverInUtf8 = b == 0xC0 || b == 0xC1 || b >= 0xF5;
      if (idOfByte[b] < 0 && !neverInUtf8) {
        return b;
      }
    }
    return -1;
  }

  /** What text loses because neither it nor a fallback has a token, for a warning; or null. */
  @Nullable String unencodable(boolean byteLevel) {
    int missing = missingByte(idOfByte);
    if (!byteLevel || missing < 0 || options.unkToken() != null || options.byteFallback()) {
      return null;
    }
    return String.format(
        Locale.ROOT,
        "no token \"%s\" for the byte 0x%02X",
        ByteAlphabet.symbolOf(missing),
        missing);
  }

  Options options() {
    return options;
  }

  MergeTable merges() {
    return merges;
  }

  /** Whether pieces are text, whose bytes this class looks up. */
  boolean takesBytes() {
    return takesBytes;
  }

  /** Symbols for {@link #encode} to work in. */
  static int[] scratch() {
    return new int[3 * PieceCache.MAX_CHARS];
  }

  /** Encodes one piece. */
  void encode(char[] text, int from, int to, int[] scratch, TokenBuffer out) {
    if (to - from > PieceCache.MAX_CHARS) {
      int[] symbols = new int[Math.multiplyExact(3, to - from)];
      out.addAll(symbols, tokens(text, from, to, symbols));
      return;
    }
    int hash = PieceCache.hash(text, from, to);
    int[] known = cache.get(hash, text, from, to);
    if (known == null) {
      int count = tokens(text, from, to, scratch);
      cache.put(hash, text, from, to, scratch, count);
      out.addAll(scratch, count);
    } else {
      out.addAll(known, known.length);
    }
  }

  private int tokens(char[] text, int from, int to, int[] symbols) {
    if (words != null && to - from <= longestWord) {
      Integer word = words.get(asToken(text, from, to));
      if (word != null) {
        symbols[0] = word;
        return 1;
      }
    }
    int count =
        characters == null
            ? Utf8Symbols.write(text, from, to, idOfByte, symbols)
            : characters.write(text, from, to, symbols);
    return merges.apply(symbols, count);
  }

  private String asToken(char[] text, int from, int to) {
    String piece = new String(text, from, to - from);
    return takesBytes ? ByteAlphabet.encode(piece.getBytes(StandardCharsets.UTF_8)) : piece;
  }
}
