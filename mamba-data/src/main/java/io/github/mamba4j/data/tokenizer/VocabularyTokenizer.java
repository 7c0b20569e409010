package io.github.mamba4j.data.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** What all tokenizers share: the bytes of each token, the added tokens and decoding. */
abstract sealed class VocabularyTokenizer implements Tokenizer
    permits ByteTokenizer, CharTokenizer, BpeTokenizer {

  private final byte[][] tokenBytes;
  private final AddedTokens addedTokens;

  /** The arrays are owned by the tokenizer from here on. */
  VocabularyTokenizer(byte[][] tokenBytes, AddedTokens addedTokens) {
    this.tokenBytes = tokenBytes;
    this.addedTokens = addedTokens;
  }

  /** Encodes well-formed text, with the literal texts of special tokens for those or not. */
  abstract void encodeInto(String text, boolean withSpecials, TokenBuffer out);

  @Override
  public final int[] encode(String text) {
    return encode("encode", text, true);
  }

  @Override
  public final int[] encodeOrdinary(String text) {
    return encode("encodeOrdinary", text, false);
  }

  private int[] encode(String method, String text, boolean withSpecials) {
    checkText(method, text);
    TokenBuffer out = new TokenBuffer(text.length() / 3);
    encodeInto(text, withSpecials, out);
    return out.toArray();
  }

  /** Refuses null and text that is not well-formed. */
  final void checkText(String method, String text) {
    Objects.requireNonNull(text, () -> operation(method) + ": text must not be null");
    int unpaired = unpairedSurrogate(text);
    if (unpaired >= 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s: text has an unpaired surrogate U+%04X at index %d, expected well-formed "
                  + "text (remove it or put U+FFFD there)",
              operation(method),
              (int) text.charAt(unpaired),
              unpaired));
    }
  }

  @Override
  public String decode(int[] tokenIds) {
    int bytes = 0;
    for (int i = 0; i < tokenIds.length; i++) {
      checkId("decode", "tokenIds", tokenIds[i]);
      bytes = Math.addExact(bytes, tokenBytes[tokenIds[i]].length);
    }
    byte[] text = new byte[bytes];
    int at = 0;
    for (int id : tokenIds) {
      byte[] token = tokenBytes[id];
      System.arraycopy(token, 0, text, at, token.length);
      at += token.length;
    }
    return new String(text, StandardCharsets.UTF_8);
  }

  @Override
  public final int vocabSize() {
    return tokenBytes.length;
  }

  @Override
  public final byte[] bytesOf(int tokenId) {
    checkId("bytesOf", "tokenId", tokenId);
    return tokenBytes[tokenId].clone();
  }

  @Override
  public final Map<String, Integer> specialTokens() {
    return addedTokens.specials();
  }

  final AddedTokens addedTokens() {
    return addedTokens;
  }

  final void checkId(String method, String argument, int id) {
    if (id < 0 || id >= tokenBytes.length) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s: %s is %d, expected 0 to %d",
              operation(method),
              argument,
              id,
              tokenBytes.length - 1));
    }
  }

  private String operation(String method) {
    return getClass().getSimpleName() + "." + method;
  }

  /** The index of the first unpaired surrogate, or -1. */
  static int unpairedSurrogate(String text) {
    int length = text.length();
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == length
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }
}
