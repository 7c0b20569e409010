package io.github.mamba4j.data.tokens;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.train.BatchSource;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Training batches from a token file: windows of {@code length + 1} tokens, whose first {@code
 * length} are inputs and whose last {@code length} are targets.
 *
 * <p>The tokens are cut with a stride of {@code length}, so every token but the first is a target
 * exactly once an epoch. With a smaller {@link Builder#stride} windows overlap, and of all but the
 * first only the last {@code stride} targets count, so that still each token counts once, with at
 * least {@code length − stride} tokens before it: the usual way to measure. By default the whole
 * file is one stream and a window may hold the end of one document and the start of the next, with
 * the token that ends a text between them; with {@link Builder#crossDocuments} off each document is
 * cut by itself. What is left at the end and shorter than a window is dropped, and so are windows
 * that do not fill a batch (others in each epoch, as the order differs); with {@link
 * Builder#keepPartial} on they are kept and filled up: inputs with the token that ends a text (or
 * 0), targets with {@link CrossEntropyOp#IGNORE}.
 *
 * <p>The order is a permutation of the windows that depends on the seed and the epoch and is
 * computed, not stored; with {@link Builder#shuffle} off it is that of the file, as for validation.
 * Memory: nothing for each window or token; 8 bytes a document with crossing off.
 *
 * <p>The file has to stay open. Safe for use by several threads.
 */
public final class TokenWindows implements BatchSource {

  private final TokenFile file;
  private final int batchSize;
  private final int length;
  private final int stride;
  private final long seed;
  private final boolean shuffle;
  private final boolean keepPartial;
  private final boolean crossDocuments;

  /** With crossing off: the number of the first window of each document, then that of all. */
  private final long[] firstWindows;

  private final long windows;
  private final long steps;

  private TokenWindows(Builder builder) throws DataException {
    this.file = builder.file;
    this.batchSize = builder.batchSize;
    this.length = builder.length;
    this.stride = builder.stride == 0 ? length : builder.stride;
    this.seed = builder.seed;
    this.shuffle = builder.shuffle;
    this.keepPartial = builder.keepPartial;
    this.crossDocuments = builder.crossDocuments;
    this.firstWindows = crossDocuments ? new long[0] : countByDocument();
    this.windows =
        crossDocuments ? windowsIn(file.tokenCount()) : firstWindows[firstWindows.length - 1];
    if (windows == 0) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has %d tokens%s, too few for one window of %d + 1; use a shorter length or more"
                  + " text",
              file.path(),
              file.tokenCount(),
              crossDocuments ? "" : " in " + file.documentCount() + " documents",
              length));
    }
    this.steps = keepPartial ? (windows + batchSize - 1) / batchSize : windows / batchSize;
    if (steps == 0) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has %d windows of %d tokens, too few for a batch of %d; use a smaller "
                  + "batch, a shorter length or more text",
              file.path(),
              windows,
              length,
              batchSize));
    }
  }

  /**
   * Starts batches from a file, with a batch size of 4, a length of 128, a seed of 0, shuffled.
   *
   * @param file the tokens, open as long as the batches are used
   * @return a new builder
   */
  public static Builder builder(TokenFile file) {
    return new Builder(file);
  }

  private long windowsIn(long tokens) {
    long transitions = Math.max(0, tokens - 1);
    if (transitions < length) {
      return keepPartial && transitions > 0 ? 1 : 0;
    }
    long afterFirst = transitions - length;
    return 1 + (keepPartial ? (afterFirst + stride - 1) / stride : afterFirst / stride);
  }

  private long[] countByDocument() throws DataException {
    if (file.documentCount() > Integer.MAX_VALUE - 16) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: has %d documents, too many to keep apart; let windows cross documents",
              file.path(),
              file.documentCount()));
    }
    int documents = (int) file.documentCount();
    long[] first = new long[documents + 1];
    for (int i = 0; i < documents; i++) {
      first[i + 1] = first[i] + windowsIn(file.documentStart(i + 1) - file.documentStart(i));
    }
    return first;
  }

  @Override
  public int batchSize() {
    return batchSize;
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public long stepsPerEpoch() {
    return steps;
  }

  /**
   * The number of windows in the file, dropped ones not counted.
   *
   * @return the number of windows, positive
   */
  public long windowCount() {
    return windows;
  }

  @Override
  public void read(long epoch, long step, int[] inputs, int[] targets) {
    if (epoch < 0) {
      throw new IllegalArgumentException(
          "TokenWindows.read: epoch is " + epoch + ", expected 0 or more");
    }
    if (step < 0 || step >= steps) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "TokenWindows.read: step is %d, expected 0 to %d", step, steps - 1));
    }
    checkSize("inputs", inputs);
    checkSize("targets", targets);
    Permutation order = new Permutation(windows, seed, epoch);
    int[] tokens = new int[length + 1];
    for (int row = 0; row < batchSize; row++) {
      long place = step * batchSize + row;
      Window window = place < windows ? window(shuffle ? order.at(place) : place) : Window.NONE;
      file.read(window.from, tokens, 0, window.tokens);
      int at = row * length;
      // The last token of a window is a target only; that of a shorter one likewise.
      int pairs = Math.max(0, window.tokens - 1);
      System.arraycopy(tokens, 0, inputs, at, pairs);
      System.arraycopy(tokens, 1, targets, at, pairs);
      // What the window before has counted.
      Arrays.fill(targets, at, at + Math.min(pairs, window.known), CrossEntropyOp.IGNORE);
      Arrays.fill(inputs, at + pairs, at + length, Math.max(0, file.endOfTextId()));
      Arrays.fill(targets, at + pairs, at + length, CrossEntropyOp.IGNORE);
    }
  }

  private void checkSize(String argument, int[] array) {
    if (array.length != batchSize * length) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "TokenWindows.read: %s has %d elements, expected batch × length = %d × %d = %d",
              argument,
              array.length,
              batchSize,
              length,
              batchSize * length));
    }
  }

  /** Where a window lies, and how many of its targets the window before it has counted. */
  private record Window(long from, int tokens, int known) {
    static final Window NONE = new Window(0, 0, 0);
  }

  private Window window(long index) {
    long first = 0;
    long start = 0;
    long end = file.tokenCount();
    if (!crossDocuments) {
      int document = documentOf(index);
      first = firstWindows[document];
      start = file.documentStart(document);
      end = file.documentStart(document + 1L);
    }
    long from = start + (index - first) * stride;
    int tokens = (int) Math.min(length + 1L, end - from);
    return new Window(from, tokens, index == first ? 0 : length - stride);
  }

  /** The document of a window: the last whose first window is not after it. */
  private int documentOf(long window) {
    int low = 0;
    int high = firstWindows.length - 1;
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (firstWindows[middle] <= window) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  @Override
  public String fingerprint() {
    String defines =
        String.format(
            Locale.ROOT,
            "TokenWindows 1 tokens=%s batchSize=%d length=%d seed=%d shuffle=%b "
                + "keepPartial=%b crossDocuments=%b%s",
            file.sha256(),
            batchSize,
            length,
            seed,
            shuffle,
            keepPartial,
            crossDocuments,
            stride == length ? "" : " stride=" + stride);
    return HexFormat.of()
        .formatHex(TokenFileLayout.sha256().digest(defines.getBytes(StandardCharsets.UTF_8)));
  }

  /** Collects the options of {@link TokenWindows}. */
  public static final class Builder {

    private final TokenFile file;
    private int batchSize = 4;
    private int length = 128;
    private int stride;
    private long seed;
    private boolean shuffle = true;
    private boolean keepPartial;
    private boolean crossDocuments = true;

    private Builder(TokenFile file) {
      this.file = file;
    }

    /**
     * Sets how many windows a batch has.
     *
     * @param batchSize the number of windows, positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder batchSize(int batchSize) {
      this.batchSize = positive("batchSize", batchSize);
      return this;
    }

    /**
     * Sets how many inputs a window has.
     *
     * @param length the number of tokens, positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder length(int length) {
      this.length = positive("length", length);
      return this;
    }

    /**
     * Sets how far apart windows begin (default: the length, so that they do not overlap).
     *
     * @param stride the number of tokens, positive, at most the length
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder stride(int stride) {
      this.stride = positive("stride", stride);
      return this;
    }

    /**
     * Sets the seed of the order.
     *
     * @param seed any number
     * @return this
     */
    public Builder seed(long seed) {
      this.seed = seed;
      return this;
    }

    /**
     * Sets whether the windows are shuffled, in another order each epoch (default yes).
     *
     * @param shuffle whether they are
     * @return this
     */
    public Builder shuffle(boolean shuffle) {
      this.shuffle = shuffle;
      return this;
    }

    /**
     * Sets whether a short last window and a short last batch are kept and filled up (default no).
     *
     * @param keepPartial whether they are
     * @return this
     */
    public Builder keepPartial(boolean keepPartial) {
      this.keepPartial = keepPartial;
      return this;
    }

    /**
     * Sets whether a window may hold tokens of several documents (default yes). With it off, the
     * end of each document makes a short window, which {@link #keepPartial} off drops.
     *
     * @param crossDocuments whether it may
     * @return this
     */
    public Builder crossDocuments(boolean crossDocuments) {
      this.crossDocuments = crossDocuments;
      return this;
    }

    /**
     * Makes the batches.
     *
     * @return the batches
     * @throws DataException if the file has too few tokens for one window or one batch
     * @throws IllegalArgumentException if a batch has more than 2³¹ - 1 tokens, or the stride is
     *     larger than the length
     */
    public TokenWindows build() throws DataException {
      if (stride > length) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "TokenWindows: stride is %d, expected at most length = %d",
                stride,
                length));
      }
      if ((long) batchSize * length > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "TokenWindows: batchSize × length is %d × %d, expected at most %d",
                batchSize,
                length,
                Integer.MAX_VALUE));
      }
      return new TokenWindows(this);
    }

    private static int positive(String option, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(
            "TokenWindows: " + option + " is " + value + ", expected 1 or more");
      }
      return value;
    }
  }
}
