package io.github.mamba4j.data.tokenizer;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a {@link BpeTokenizer}: counts the pieces of all texts in several threads, then learns
 * merges from the counts until the vocabulary has the size asked for or no pair is frequent enough.
 *
 * <p>The ids are those of Hugging Face's trainer: the special tokens in the order given, the 256
 * bytes in the order of their characters, then the learned tokens. The result depends on the texts
 * and the options alone, not on the number of threads or on timing.
 *
 * <p>Memory: the texts are streamed, about 16 million characters at a time; what stays is the
 * distinct pieces, some 20 bytes and their characters each. If there are more than {@link
 * Builder#maxPieces} of them (or their characters exceed 2²⁸), the rarest are forgotten until half
 * of the limit is left; then counts are a little too low, and a warning is logged. A piece of more
 * than 4,096 characters is counted in parts of 4,096.
 */
public final class BpeTrainer {

  private static final System.Logger LOG = System.getLogger(BpeTrainer.class.getName());
  private static final int BYTES = 256;
  private static final int MAX_PIECE_CHARS_HELD = 1 << 28;

  private final int vocabSize;
  private final long minFrequency;
  private final List<String> specialTokens;
  private final int threads;
  private final int maxPieces;
  private final Consumer<BpeProgress> listener;

  private BpeTrainer(Builder builder) {
    this.vocabSize = builder.vocabSize;
    this.minFrequency = builder.minFrequency;
    this.specialTokens = builder.specialTokens;
    this.threads = builder.threads;
    this.maxPieces = builder.maxPieces;
    this.listener = builder.listener;
  }

  /**
   * Starts a trainer with a vocabulary of 8,192, a minimum frequency of 2, the special token {@link
   * Tokenizer#END_OF_TEXT} and a thread for each processor.
   *
   * @return a new builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Trains a tokenizer.
   *
   * @param source the texts; each is read once
   * @return the tokenizer, with fewer tokens than asked for if the text has too few frequent pairs
   * @throws IOException if the texts cannot be read
   * @throws IllegalArgumentException if there is no text or one has an unpaired surrogate
   */
  public BpeTokenizer train(TextSource source) throws IOException {
    PieceCounts pieces = count(source);
    List<byte[]> tokens = new ArrayList<>();
    for (String special : specialTokens) {
      tokens.add(special.getBytes(StandardCharsets.UTF_8));
    }
    IntStream.range(0, BYTES)
        .boxed()
        .sorted(Comparator.comparingInt(ByteAlphabet::symbolOf))
        .forEach(b -> tokens.add(new byte[] {b.byteValue()}));
    MergeLearner learner = new MergeLearner(pieces, tokens, specialTokens.size());
    int step = Math.max(1, vocabSize / 100);
    learner.learn(
        vocabSize,
        minFrequency,
        done -> {
          if (done % step == 0 || done == vocabSize) {
            listener.accept(new BpeProgress(BpeProgress.Phase.MERGING, done, vocabSize));
          }
        });
    return tokenizer(learner.tokens(), learner.merges());
  }

  private BpeTokenizer tokenizer(byte[][] tokens, MergeTable merges) {
    AddedTokens added = AddedTokens.specials(specialTokens, 0);
    List<@Nullable String> texts = new ArrayList<>();
    Map<String, Integer> vocab = new LinkedHashMap<>();
    for (int id = 0; id < tokens.length; id++) {
      String text =
          id < specialTokens.size() ? specialTokens.get(id) : ByteAlphabet.encode(tokens[id]);
      texts.add(text);
      vocab.putIfAbsent(text, id);
    }
    return BpeTokenizer.trained(texts, vocab, added, merges);
  }

  private PieceCounts count(TextSource source) throws IOException {
    try (ExecutorService executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("bpe-trainer-", 0).factory())) {
      PieceCounter[] self = new PieceCounter[1];
      PieceCounter counter =
          new PieceCounter(
              threads,
              executor,
              maxPieces,
              MAX_PIECE_CHARS_HELD,
              () ->
                  listener.accept(
                      new BpeProgress(BpeProgress.Phase.COUNTING, self[0].chars(), -1)));
      self[0] = counter;
      source.forEach(counter::add);
      PieceCounts pieces = counter.finish();
      if (pieces.size() == 0) {
        throw new IllegalArgumentException(
            "BpeTrainer.train: the source has no text, expected some to train on");
      }
      if (counter.forgetUpTo() > 0) {
        LOG.log(
            Level.WARNING,
            "more than {0} distinct pieces: those seen up to {1} times were forgotten on the way",
            maxPieces,
            counter.forgetUpTo());
      }
      return pieces;
    }
  }

  /** Collects the options of a {@link BpeTrainer}. */
  public static final class Builder {

    private int vocabSize = 8192;
    private long minFrequency = 2;
    private List<String> specialTokens = List.of(Tokenizer.END_OF_TEXT);
    private int threads = Runtime.getRuntime().availableProcessors();
    private int maxPieces = 10_000_000;
    private Consumer<BpeProgress> listener = progress -> {};

    private Builder() {}

    /**
     * Sets how many tokens to have, with the special ones and the 256 bytes.
     *
     * @param vocabSize the number of tokens, at least 257
     * @return this
     * @throws IllegalArgumentException if there are too few
     */
    public Builder vocabSize(int vocabSize) {
      this.vocabSize = (int) atLeast("vocabSize", BYTES + 1, vocabSize);
      return this;
    }

    /**
     * Sets how often a pair has to occur to be merged.
     *
     * @param minFrequency the number of times, positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder minFrequency(long minFrequency) {
      this.minFrequency = atLeast("minFrequency", 1, minFrequency);
      return this;
    }

    /**
     * Sets the special tokens, which get the ids 0, 1, … and are never learned.
     *
     * @param specialTokens their literal texts, each once, of two characters or more
     * @return this
     * @throws IllegalArgumentException if one is too short, not well-formed or there twice
     */
    public Builder specialTokens(List<String> specialTokens) {
      this.specialTokens = List.copyOf(specialTokens);
      for (String token : this.specialTokens) {
        if (token.length() < 2 || VocabularyTokenizer.unpairedSurrogate(token) >= 0) {
          throw new IllegalArgumentException(
              String.format(
                  Locale.ROOT,
                  "BpeTrainer: specialTokens has \"%s\", expected well-formed texts of two "
                      + "characters or more",
                  token));
        }
      }
      if (this.specialTokens.stream().distinct().count() != this.specialTokens.size()) {
        throw new IllegalArgumentException(
            "BpeTrainer: specialTokens is " + specialTokens + ", expected each text once");
      }
      return this;
    }

    /**
     * Sets how many threads count; the result is the same for every number.
     *
     * @param threads the number of threads, positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder threads(int threads) {
      this.threads = (int) atLeast("threads", 1, threads);
      return this;
    }

    /**
     * Sets how many distinct pieces to remember before the rarest are forgotten.
     *
     * @param maxPieces the number of pieces, at least 1,000 (default 10 million)
     * @return this
     * @throws IllegalArgumentException if there are too few
     */
    public Builder maxPieces(int maxPieces) {
      this.maxPieces = (int) atLeast("maxPieces", 1000, maxPieces);
      return this;
    }

    /**
     * Sets who is told of the progress, on the thread that trains: about every 16 million
     * characters while counting, about a hundred times while merging.
     *
     * @param listener takes the progress
     * @return this
     */
    public Builder listener(Consumer<BpeProgress> listener) {
      this.listener = Objects.requireNonNull(listener, "BpeTrainer: listener must not be null");
      return this;
    }

    /**
     * Makes the trainer.
     *
     * @return the trainer
     * @throws IllegalArgumentException if the vocabulary cannot hold the special tokens and the
     *     bytes
     */
    public BpeTrainer build() {
      if (vocabSize <= BYTES + specialTokens.size() - 1) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "BpeTrainer: vocabSize is %d, expected at least %d (256 bytes and %d special"
                    + " tokens)",
                vocabSize,
                BYTES + specialTokens.size(),
                specialTokens.size()));
      }
      return new BpeTrainer(this);
    }

    private static long atLeast(String option, long least, long value) {
      if (value < least) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT, "BpeTrainer: %s is %d, expected at least %d", option, value, least));
      }
      return value;
    }
  }
}
