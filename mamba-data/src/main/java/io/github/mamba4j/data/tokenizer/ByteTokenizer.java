package io.github.mamba4j.data.tokenizer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * One token a byte of UTF-8: ids 0 to 255 are the bytes, 256 is {@link Tokenizer#END_OF_TEXT}. It
 * needs no training and knows every text; English takes one token a letter, Japanese three a
 * character.
 */
public final class ByteTokenizer extends VocabularyTokenizer {

  private static final int BYTES = 256;

  /** Makes the tokenizer; all byte tokenizers are alike. */
  public ByteTokenizer() {
    super(byteTable(), AddedTokens.specials(List.of(END_OF_TEXT), BYTES));
  }

  private static byte[][] byteTable() {
    byte[][] table = new byte[BYTES + 1][];
    for (int i = 0; i < BYTES; i++) {
      table[i] = new byte[] {(byte) i};
    }
    table[BYTES] = END_OF_TEXT.getBytes(StandardCharsets.UTF_8);
    return table;
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
                for (byte b : whole.substring(from, to).getBytes(StandardCharsets.UTF_8)) {
                  out.add(b & 0xFF);
                }
              }
            });
  }

  @Override
  public void save(Path file) throws IOException {
    TokenizerFiles.write(file, "byte", Map.of());
  }
}
