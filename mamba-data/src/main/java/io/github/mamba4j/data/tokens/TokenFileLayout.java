package io.github.mamba4j.data.tokens;

import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The header of a token file, little-endian, 128 bytes; then the tokens, zeros up to a multiple of
 * 8, and for each document the position of its first token, 8 bytes each.
 *
 * <pre>
 *   0  8 bytes "MAMBATOK"
 *   8  int     version, 1
 *  12  int     bytes of a token, 2 (unsigned) or 4
 *  16  int     size of the vocabulary
 *  20  int     the token that ends each document, or -1
 *  24  long    number of tokens
 *  32  long    number of documents
 *  40  32 bytes SHA-256 of everything after the header, then of the bytes 0 to 39
 *  72  zeros
 * </pre>
 *
 * @param tokenBytes bytes of a token
 * @param vocabSize size of the vocabulary
 * @param endOfTextId the token that ends each document, or -1
 * @param tokens number of tokens
 * @param documents number of documents
 */
record TokenFileLayout(
    int tokenBytes, int vocabSize, int endOfTextId, long tokens, long documents) {

  static final int HEADER_BYTES = 128;
  static final int HASH_OFFSET = 40;
  static final int HASH_BYTES = 32;
  static final int VERSION = 1;

  /** The first eight bytes, read as a little-endian long. */
  static final long MAGIC = 0x4B4F5441424D414DL;

  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Two bytes hold every id of a vocabulary of up to 65,536. */
  static int tokenBytesFor(int vocabSize) {
    return vocabSize <= 1 << 16 ? 2 : 4;
  }

  long indexOffset() {
    long end = HEADER_BYTES + tokens * tokenBytes;
    return (end + 7) & ~7L;
  }

  long fileBytes() {
    return indexOffset() + documents * Long.BYTES;
  }

  /** The header with zeros for the hash, ready to be read. */
  ByteBuffer header() {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(MAGIC).putInt(VERSION).putInt(tokenBytes).putInt(vocabSize).putInt(endOfTextId);
    header.putLong(tokens).putLong(documents);
    return header.rewind();
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("TokenFile: this Java has no SHA-256", e);
    }
  }
}
