package io.github.mamba4j.data.tokens;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Locale;

/**
 * Writes a {@link TokenFile} document by document, beside its place; {@link #commit} moves it
 * there, {@link #close} without it leaves no trace. Only the position of each document stays in
 * memory, 8 bytes each.
 *
 * <p>Tokens take two bytes if the vocabulary has at most 65,536 of them, else four.
 */
public final class TokenFileWriter implements AutoCloseable {

  private static final int BUFFER_BYTES = 1 << 20;

  private final Path path;
  private final int vocabSize;
  private final int endOfTextId;
  private final int tokenBytes;
  private final AtomicFiles.PendingFile file;
  private final FileChannel channel;
  private final MessageDigest digest = TokenFileLayout.sha256();
  private final ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  private long[] starts = new long[64];
  private int documents;
  private long tokens;
  private boolean committed;

  /**
   * Starts a file.
   *
   * @param path the file, replaced by {@link #commit} if there is one
   * @param vocabSize how many token ids there are, positive
   * @param endOfTextId the token to write after each document, or -1 for none
   * @throws IOException if the file cannot be written
   * @throws IllegalArgumentException if a number is out of range
   */
  public TokenFileWriter(Path path, int vocabSize, int endOfTextId) throws IOException {
    if (vocabSize < 1) {
      throw new IllegalArgumentException(
          "TokenFileWriter: vocabSize is " + vocabSize + ", expected 1 or more");
    }
    if (endOfTextId < -1 || endOfTextId >= vocabSize) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "TokenFileWriter: endOfTextId is %d, expected -1 (none) to %d",
              endOfTextId,
              vocabSize - 1));
    }
    this.path = path;
    this.vocabSize = vocabSize;
    this.endOfTextId = endOfTextId;
    this.tokenBytes = TokenFileLayout.tokenBytesFor(vocabSize);
    this.file = AtomicFiles.begin(path);
    try {
      this.channel = FileChannel.open(file.path(), StandardOpenOption.WRITE);
      channel.position(TokenFileLayout.HEADER_BYTES);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Appends a document and the token that ends it.
   *
   * @param ids its tokens, each 0 to {@code vocabSize - 1}
   * @throws IOException if they cannot be written
   * @throws IllegalArgumentException if an id is outside the vocabulary; nothing of the document is
   *     written then
   */
  public void addDocument(int[] ids) throws IOException {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabSize) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "TokenFileWriter.addDocument: ids[%d] is %d, expected 0 to %d",
                i,
                ids[i],
                vocabSize - 1));
      }
    }
    if (documents == starts.length) {
      starts = Arrays.copyOf(starts, Math.addExact(documents, documents >> 1));
    }
    starts[documents++] = tokens;
    for (int id : ids) {
      put(id);
    }
    if (endOfTextId >= 0) {
      put(endOfTextId);
    }
  }

  private void put(int id) throws IOException {
    if (buffer.remaining() < Long.BYTES) {
      flush();
    }
    if (tokenBytes == 2) {
      buffer.putShort((short) id);
    } else {
      buffer.putInt(id);
    }
    tokens++;
  }

  /**
   * The tokens so far, with those that end documents.
   *
   * @return the number of tokens
   */
  public long tokenCount() {
    return tokens;
  }

  /**
   * The documents so far.
   *
   * @return the number of documents
   */
  public long documentCount() {
    return documents;
  }

  private void flush() throws IOException {
    buffer.flip();
    digest.update(buffer.duplicate());
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  /**
   * Finishes the file and moves it to its place.
   *
   * @throws IOException if it cannot be written
   * @throws IllegalStateException if it was committed before
   */
  public void commit() throws IOException {
    if (committed) {
      throw new IllegalStateException("TokenFileWriter.commit: " + path + " is committed already");
    }
    TokenFileLayout layout =
        new TokenFileLayout(tokenBytes, vocabSize, endOfTextId, tokens, documents);
    long padding = layout.indexOffset() - TokenFileLayout.HEADER_BYTES - tokens * tokenBytes;
    flush();
    for (int i = 0; i < padding; i++) {
      buffer.put((byte) 0);
    }
    for (int i = 0; i < documents; i++) {
      if (buffer.remaining() < Long.BYTES) {
        flush();
      }
      buffer.putLong(starts[i]);
    }
    flush();
    ByteBuffer header = layout.header();
    digest.update(header.duplicate().limit(TokenFileLayout.HASH_OFFSET));
    header.put(TokenFileLayout.HASH_OFFSET, digest.digest());
    for (long at = 0; header.hasRemaining(); ) {
      at += channel.write(header, at);
    }
    channel.close();
    file.commit();
    committed = true;
  }

  @Override
  public void close() throws IOException {
    channel.close();
    file.close();
  }
}
