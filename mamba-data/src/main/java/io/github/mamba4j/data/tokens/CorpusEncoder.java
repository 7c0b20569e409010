package io.github.mamba4j.data.tokens;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.corpus.Document;
import io.github.mamba4j.data.corpus.DocumentSplit;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Turns a corpus into token files: reads on the calling thread, encodes documents in several,
 * writes in the order of the corpus, so the files do not depend on the number of threads. Text that
 * looks like a special token is encoded as text. At most 64 million characters are held at a time,
 * or one document if it is longer.
 *
 * <p>Files appear when everything has succeeded; an error leaves what was there.
 */
public final class CorpusEncoder {

  private static final long MAX_CHARS_IN_FLIGHT = 1L << 26;
  private static final int MAX_DOCUMENTS_IN_FLIGHT = 1024;
  private static final long PROGRESS_CHARS = 1L << 20;

  /**
   * What was written.
   *
   * @param train the counts of the documents for training
   * @param validation the counts of the documents for validation
   */
  public record Result(LanguageStatistics train, LanguageStatistics validation) {}

  private final Tokenizer tokenizer;
  private final int threads;
  private final Consumer<EncodingProgress> listener;

  private CorpusEncoder(Builder builder) {
    this.tokenizer = builder.tokenizer;
    this.threads = builder.threads;
    this.listener = builder.listener;
  }

  /**
   * Starts an encoder with a thread for each processor.
   *
   * @param tokenizer encodes the documents
   * @return a new builder
   */
  public static Builder builder(Tokenizer tokenizer) {
    return new Builder(tokenizer);
  }

  /**
   * Writes all documents to one file.
   *
   * @param corpus the documents
   * @param target the token file, replaced if there is one
   * @return the counts of the documents
   * @throws DataException if the corpus cannot be read or is empty
   * @throws IOException if the file cannot be written
   */
  public LanguageStatistics encode(Corpus corpus, Path target) throws IOException {
    try (TokenFileWriter writer = writer(target)) {
      LanguageStatistics statistics = new LanguageStatistics();
      run(corpus, document -> new Sink(writer, statistics));
      writer.commit();
      return statistics;
    }
  }

  /**
   * Writes the documents for training and those for validation to a file each.
   *
   * @param corpus the documents
   * @param split says which document goes where
   * @param train the token file for training, replaced if there is one
   * @param validation the token file for validation, replaced if there is one
   * @return the counts of both
   * @throws DataException if the corpus cannot be read, or one side gets no document
   * @throws IOException if the files cannot be written
   */
  public Result encode(Corpus corpus, DocumentSplit split, Path train, Path validation)
      throws IOException {
    try (TokenFileWriter trainWriter = writer(train);
        TokenFileWriter validationWriter = writer(validation)) {
      Sink trainSink = new Sink(trainWriter, new LanguageStatistics());
      Sink validationSink = new Sink(validationWriter, new LanguageStatistics());
      run(corpus, document -> split.isValidation(document) ? validationSink : trainSink);
      requireDocuments(corpus, trainWriter, "training");
      requireDocuments(corpus, validationWriter, "validation");
      trainWriter.commit();
      validationWriter.commit();
      return new Result(trainSink.statistics, validationSink.statistics);
    }
  }

  private static void requireDocuments(Corpus corpus, TokenFileWriter writer, String purpose)
      throws DataException {
    if (writer.documentCount() == 0) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: no document is for %s; use more documents (blank lines can separate "
                  + "them), another seed, or no split",
              corpus,
              purpose));
    }
  }

  private TokenFileWriter writer(Path target) throws IOException {
    return new TokenFileWriter(target, tokenizer.vocabSize(), tokenizer.endOfTextId());
  }

  /** Where documents go: a file and its counts. */
  private record Sink(TokenFileWriter writer, LanguageStatistics statistics) {}

  /** Says where a document goes. */
  @FunctionalInterface
  private interface Router {
    Sink sinkOf(Document document);
  }

  private void run(Corpus corpus, Router router) throws IOException {
    ExecutorService executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("corpus-encoder-", 0).factory());
    try {
      Pipeline pipeline = new Pipeline(executor, router);
      corpus.forEach(pipeline::add);
      pipeline.drain();
    } finally {
      executor.shutdownNow();
    }
  }

  /** Documents on their way from reading to writing, in the order of the corpus. */
  private final class Pipeline {

    private record InFlight(Document document, Future<int[]> ids) {}

    private final ExecutorService executor;
    private final Router router;
    private final ArrayDeque<InFlight> queue = new ArrayDeque<>();
    private long charsInFlight;
    private long documents;
    private long chars;
    private long tokens;
    private long nextReport = PROGRESS_CHARS;

    Pipeline(ExecutorService executor, Router router) {
      this.executor = executor;
      this.router = router;
    }

    void add(Document document) throws IOException {
      charsInFlight += document.text().length();
      while (!queue.isEmpty()
          && (charsInFlight > MAX_CHARS_IN_FLIGHT || queue.size() >= MAX_DOCUMENTS_IN_FLIGHT)) {
        writeFirst();
      }
      queue.add(
          new InFlight(document, executor.submit(() -> tokenizer.encodeOrdinary(document.text()))));
    }

    void drain() throws IOException {
      while (!queue.isEmpty()) {
        writeFirst();
      }
      report();
    }

    private void writeFirst() throws IOException {
      InFlight first = queue.remove();
      int[] ids = await(first);
      Sink sink = router.sinkOf(first.document());
      sink.writer.addDocument(ids);
      sink.statistics.add(first.document(), ids.length);
      charsInFlight -= first.document().text().length();
      chars += first.document().text().length();
      tokens += ids.length;
      documents++;
      if (chars >= nextReport) {
        nextReport = chars + PROGRESS_CHARS;
        report();
      }
    }

    private void report() {
      listener.accept(new EncodingProgress(documents, chars, tokens));
    }

    private int[] await(InFlight first) throws IOException {
      try {
        return first.ids().get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("CorpusEncoder: interrupted", e);
      } catch (ExecutionException e) {
        throw new DataException(
            first.document().source() + ": cannot be encoded (" + e.getMessage() + ")", e);
      }
    }
  }

  /** Collects the options of a {@link CorpusEncoder}. */
  public static final class Builder {

    private final Tokenizer tokenizer;
    private int threads = Runtime.getRuntime().availableProcessors();
    private Consumer<EncodingProgress> listener = progress -> {};

    private Builder(Tokenizer tokenizer) {
      this.tokenizer =
          Objects.requireNonNull(tokenizer, "CorpusEncoder: tokenizer must not be null");
    }

    /**
     * Sets how many threads encode.
     *
     * @param threads the number of threads, positive
     * @return this
     * @throws IllegalArgumentException if it is not positive
     */
    public Builder threads(int threads) {
      if (threads < 1) {
        throw new IllegalArgumentException(
            "CorpusEncoder: threads is " + threads + ", expected 1 or more");
      }
      this.threads = threads;
      return this;
    }

    /**
     * Sets who is told of the progress, on the thread that encodes: about every million characters
     * and at the end.
     *
     * @param listener takes the progress
     * @return this
     */
    public Builder listener(Consumer<EncodingProgress> listener) {
      this.listener = Objects.requireNonNull(listener, "CorpusEncoder: listener must not be null");
      return this;
    }

    /**
     * Makes the encoder.
     *
     * @return the encoder
     */
    public CorpusEncoder build() {
      return new CorpusEncoder(this);
    }
  }
}
