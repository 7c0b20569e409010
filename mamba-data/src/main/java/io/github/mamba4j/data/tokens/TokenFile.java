package io.github.mamba4j.data.tokens;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;

/**
 * The token ids of a corpus in a memory-mapped file of any size: the operating system reads what is
 * used and drops what is not, so a corpus larger than memory trains.
 *
 * <p>Each document is followed by the token that ends a text, and an index holds where each starts.
 * {@link #open} checks the header, the size and the index; {@link #verify} reads everything and
 * compares the hash. Safe for use by several threads; after {@link #close} every access throws
 * {@link IllegalStateException}.
 */
public final class TokenFile implements AutoCloseable {

  private static final int VERIFY_BYTES = 1 << 22;

  private final Path path;
  private final TokenFileLayout layout;
  private final Arena arena;
  private final MemorySegment segment;
  private final String sha256;

  private TokenFile(Path path, TokenFileLayout layout, Arena arena, MemorySegment segment) {
    this.path = path;
    this.layout = layout;
    this.arena = arena;
    this.segment = segment;
    byte[] hash = new byte[TokenFileLayout.HASH_BYTES];
    MemorySegment.ofArray(hash)
        .copyFrom(segment.asSlice(TokenFileLayout.HASH_OFFSET, TokenFileLayout.HASH_BYTES));
    this.sha256 = HexFormat.of().formatHex(hash);
  }

  /**
   * Maps a file.
   *
   * @param path a file of {@link TokenFileWriter}
   * @return the open file
   * @throws DataException if it cannot be read or is not a whole token file
   * @throws IOException if mapping it fails
   */
  public static TokenFile open(Path path) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      MemorySegment segment = map(path, arena);
      TokenFile file = new TokenFile(path, readHeader(path, segment), arena, segment);
      file.checkIndex();
      return file;
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static MemorySegment map(Path path, Arena arena) throws IOException {
    if (Files.isDirectory(path)) {
      throw new DataException(path + ": is a folder, expected a token file");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long bytes = channel.size();
      if (bytes < TokenFileLayout.HEADER_BYTES) {
        throw new DataException(
            String.format(
                Locale.ROOT,
                "%s: has %d bytes, expected a token file with a header of %d",
                path,
                bytes,
                TokenFileLayout.HEADER_BYTES));
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena);
    } catch (DataException e) {
      throw e;
    } catch (IOException e) {
      throw DataException.cannotRead(path, e);
    }
  }

  private static TokenFileLayout readHeader(Path path, MemorySegment segment) throws DataException {
    if (segment.get(TokenFileLayout.LONG, 0) != TokenFileLayout.MAGIC) {
      throw new DataException(path + ": is not a token file (it does not start with MAMBATOK)");
    }
    int version = segment.get(TokenFileLayout.INT, 8);
    if (version != TokenFileLayout.VERSION) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has version %d, expected %d; encode the corpus again",
              path,
              version,
              TokenFileLayout.VERSION));
    }
    TokenFileLayout layout =
        new TokenFileLayout(
            segment.get(TokenFileLayout.INT, 12),
            segment.get(TokenFileLayout.INT, 16),
            segment.get(TokenFileLayout.INT, 20),
            segment.get(TokenFileLayout.LONG, 24),
            segment.get(TokenFileLayout.LONG, 32));
    // The bound on both counts keeps the arithmetic of the layout from overflowing.
    long most = segment.byteSize();
    boolean sound =
        layout.vocabSize() > 0
            && layout.tokenBytes() == TokenFileLayout.tokenBytesFor(layout.vocabSize())
            && layout.endOfTextId() >= -1
            && layout.endOfTextId() < layout.vocabSize()
            && layout.tokens() >= 0
            && layout.tokens() <= most
            && layout.documents() >= 0
            && layout.documents() <= most;
    if (!sound) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: the header is damaged (%s); encode the corpus again",
              path,
              layout));
    }
    if (layout.fileBytes() != most) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has %d bytes, expected %d for %d tokens and %d documents; encode the corpus"
                  + " again",
              path,
              most,
              layout.fileBytes(),
              layout.tokens(),
              layout.documents()));
    }
    return layout;
  }

  private void checkIndex() throws DataException {
    long previous = 0;
    for (long i = 0; i < layout.documents(); i++) {
      long start = documentStart(i);
      if (start < previous || start > layout.tokens() || (i == 0 && start != 0)) {
        throw new DataException(
            String.format(
                Locale.ROOT,
                "%s: document %d starts at token %d, expected %d to %d; encode the corpus again",
                path,
                i,
                start,
                previous,
                i == 0 ? 0 : layout.tokens()));
      }
      previous = start;
    }
  }

  /**
   * The file.
   *
   * @return its path as given to {@link #open}
   */
  public Path path() {
    return path;
  }

  /**
   * How many token ids there are.
   *
   * @return the size of the vocabulary, positive
   */
  public int vocabSize() {
    return layout.vocabSize();
  }

  /**
   * The token after each document.
   *
   * @return its id, or -1 if there is none
   */
  public int endOfTextId() {
    return layout.endOfTextId();
  }

  /**
   * How many tokens there are, with those that end documents.
   *
   * @return the number of tokens, not negative
   */
  public long tokenCount() {
    return layout.tokens();
  }

  /**
   * How many documents there are.
   *
   * @return the number of documents, not negative
   */
  public long documentCount() {
    return layout.documents();
  }

  /**
   * Where a document starts.
   *
   * @param document the document, 0 to {@link #documentCount}; the last value gives {@link
   *     #tokenCount}, where one more would start
   * @return the position of its first token
   * @throws IndexOutOfBoundsException if there is no such document
   */
  public long documentStart(long document) {
    if (document == layout.documents()) {
      return layout.tokens();
    }
    if (document < 0 || document > layout.documents()) {
      throw new IndexOutOfBoundsException(
          String.format(
              Locale.ROOT,
              "TokenFile.documentStart: document is %d, expected 0 to %d",
              document,
              layout.documents()));
    }
    return segment.get(TokenFileLayout.LONG, layout.indexOffset() + document * Long.BYTES);
  }

  /**
   * Reads tokens.
   *
   * @param from the position of the first token
   * @param target receives the tokens
   * @param offset where in the target to start
   * @param count how many tokens to read
   * @throws IndexOutOfBoundsException if the positions are not in the file or in the target
   * @throws IllegalStateException if a token is outside the vocabulary, so the file is damaged
   */
  public void read(long from, int[] target, int offset, int count) {
    Objects.checkFromIndexSize(from, count, layout.tokens());
    Objects.checkFromIndexSize(offset, count, target.length);
    int highest = 0;
    if (layout.tokenBytes() == 2) {
      long at = TokenFileLayout.HEADER_BYTES + 2 * from;
      for (int i = 0; i < count; i++) {
        int id = segment.get(TokenFileLayout.SHORT, at + 2L * i) & 0xFFFF;
        target[offset + i] = id;
        highest = Math.max(highest, id);
      }
    } else {
      long at = TokenFileLayout.HEADER_BYTES + 4 * from;
      for (int i = 0; i < count; i++) {
        int id = segment.get(TokenFileLayout.INT, at + 4L * i);
        target[offset + i] = id;
        // A negative id is a large one without its sign.
        highest = Integer.compareUnsigned(id, highest) > 0 ? id : highest;
      }
    }
    if (Integer.compareUnsigned(highest, layout.vocabSize()) >= 0) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "%s: token %s among the %d from %d is outside the vocabulary of %d; the file "
                  + "is damaged, encode the corpus again",
              path,
              Integer.toUnsignedString(highest),
              count,
              from,
              layout.vocabSize()));
    }
  }

  /**
   * The hash of the content, as the header has it; {@link #verify} compares it.
   *
   * @return 64 lower-case hexadecimal digits
   */
  public String sha256() {
    return sha256;
  }

  /**
   * Reads the whole file and compares its hash.
   *
   * @throws DataException if a byte has changed since the file was written
   */
  public void verify() throws DataException {
    MessageDigest digest = TokenFileLayout.sha256();
    long bytes = segment.byteSize();
    for (long at = TokenFileLayout.HEADER_BYTES; at < bytes; at += VERIFY_BYTES) {
      digest.update(segment.asSlice(at, Math.min(VERIFY_BYTES, bytes - at)).asByteBuffer());
    }
    digest.update(segment.asSlice(0, TokenFileLayout.HASH_OFFSET).asByteBuffer());
    String actual = HexFormat.of().formatHex(digest.digest());
    if (!actual.equals(sha256)) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: the content has SHA-256 %s, expected %s; encode the corpus again",
              path,
              actual,
              sha256));
    }
  }

  @Override
  public void close() {
    if (segment.scope().isAlive()) {
      arena.close();
    }
  }
}
