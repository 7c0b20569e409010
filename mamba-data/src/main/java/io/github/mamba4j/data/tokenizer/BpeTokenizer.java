package io.github.mamba4j.data.tokenizer;

import java.io.IOException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;

/**
 * Byte-level byte-pair encoding (Sennrich et al. 2016 over the bytes of UTF-8, Radford et al.
 * 2019): the text is cut into pieces by the regular expression of GPT-2, the bytes of a piece are
 * its first symbols, and learned merges join them. Every text has an encoding, and decodes to
 * itself.
 *
 * <p>Trained by {@link BpeTrainer}, saved in Hugging Face's {@code tokenizer.json} form, which
 * Python's {@code tokenizers} and {@code transformers} load.
 *
 * <p>A tokenizer read from a file may ask for normalization form NFC; then the text is normalized
 * before it is encoded and decodes to its normalized form.
 */
public final class BpeTokenizer extends VocabularyTokenizer {

  private static final char FIRST_NOT_STABLE_IN_NFC = 0x300;

  private final MergeTable merges;
  private final int[] idOfByte;
  private final boolean normalizes;
  private final PieceCache cache = new PieceCache();

  /**
   * Takes a whole vocabulary; the arrays are owned by the tokenizer from here on.
   *
   * @param tokenBytes the bytes of each token, special ones their literal text
   * @param idOfByte the token of each byte, or -1 for a byte that UTF-8 never has
   */
  BpeTokenizer(
      byte[][] tokenBytes,
      AddedTokens addedTokens,
      int[] idOfByte,
      MergeTable merges,
      boolean normalizes) {
    super(tokenBytes, addedTokens);
    this.idOfByte = idOfByte;
    this.merges = merges;
    this.normalizes = normalizes;
  }

  MergeTable merges() {
    return merges;
  }

  boolean normalizes() {
    return normalizes;
  }

  @Override
  void encodeStretch(String text, int from, int to, TokenBuffer out) {
    char[] chars = new char[to - from];
    text.getChars(from, to, chars, 0);
    if (normalizes && !stableInNfc(chars)) {
      chars = Normalizer.normalize(new String(chars), Normalizer.Form.NFC).toCharArray();
    }
    int[] symbols = new int[3 * PieceCache.MAX_CHARS];
    int end = chars.length;
    for (int start = 0; start < end; ) {
      int next = PieceScanner.next(chars, start, end);
      if (next - start > PieceCache.MAX_CHARS) {
        int[] longSymbols = new int[3 * (next - start)];
        out.addAll(longSymbols, merge(chars, start, next, longSymbols));
      } else {
        int hash = PieceCache.hash(chars, start, next);
        int[] known = cache.get(hash, chars, start, next);
        if (known == null) {
          int count = merge(chars, start, next, symbols);
          cache.put(hash, chars, start, next, symbols, count);
          out.addAll(symbols, count);
        } else {
          out.addAll(known, known.length);
        }
      }
      start = next;
    }
  }

  private int merge(char[] text, int from, int to, int[] symbols) {
    return merges.apply(symbols, Utf8Symbols.write(text, from, to, idOfByte, symbols));
  }

  /** Below U+0300 no character changes in NFC, whatever its neighbours. */
  private static boolean stableInNfc(char[] text) {
    for (char c : text) {
      if (c >= FIRST_NOT_STABLE_IN_NFC) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void save(Path file) throws IOException {
    TokenizerFiles.write(file, json -> HuggingFaceWriter.write(this, json));
  }

  /** The token of each byte, -1 where there is none; a new array. */
  static int[] findBytes(byte[][] tokenBytes, AddedTokens addedTokens) {
    int[] idOfByte = new int[256];
    Arrays.fill(idOfByte, -1);
    for (int id = 0; id < tokenBytes.length; id++) {
      if (tokenBytes[id].length == 1) {
        idOfByte[tokenBytes[id][0] & 0xFF] = id;
      }
    }
    for (AddedTokens.AddedToken token : addedTokens.all()) {
      byte[] bytes = tokenBytes[token.id()];
      if (bytes.length == 1 && idOfByte[bytes[0] & 0xFF] == token.id()) {
        idOfByte[bytes[0] & 0xFF] = -1;
      }
    }
    return idOfByte;
  }
}
