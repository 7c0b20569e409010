package io.github.mamba4j.data.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Encodes many texts, or one large one, in several threads. The ids are those that the tokenizer
 * gives on one thread, whatever the number of threads.
 *
 * <p>A large text is cut at added tokens, and where its regular expression certainly ends a piece
 * (before a space, after a line end). Only the well-known expressions have such places known here
 * (GPT-2, GPT-4, GPT-4o and those alike); with another, and with tokenizers that are no {@link
 * BpeTokenizer}, each text is encoded by one thread.
 *
 * <p>An encoder may be used by several threads; its own end when it is closed.
 */
public final class ParallelEncoder implements AutoCloseable {

  /** Shorter texts are not cut. */
  private static final int LARGE_CHARS = 1 << 18;

  private final Tokenizer tokenizer;
  private final int threads;
  private final ExecutorService executor;

  /**
   * Starts the threads.
   *
   * @param tokenizer encodes the texts
   * @param threads the number of threads, positive
   * @throws IllegalArgumentException if it is not positive
   */
  public ParallelEncoder(Tokenizer tokenizer, int threads) {
    this.tokenizer =
        Objects.requireNonNull(tokenizer, "ParallelEncoder: tokenizer must not be null");
    if (threads < 1) {
      throw new IllegalArgumentException(
          "ParallelEncoder: threads is " + threads + ", expected 1 or more");
    }
    this.threads = threads;
    this.executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("parallel-encoder-", 0).factory());
  }

  /**
   * Encodes a text as {@link Tokenizer#encode} does.
   *
   * @param text well-formed text
   * @return the token ids
   * @throws IllegalArgumentException if the text holds an unpaired surrogate
   */
  public int[] encode(String text) {
    return encode(List.of(text), true).getFirst();
  }

  /**
   * Encodes a text as {@link Tokenizer#encodeOrdinary} does.
   *
   * @param text well-formed text
   * @return the token ids
   * @throws IllegalArgumentException if the text holds an unpaired surrogate
   */
  public int[] encodeOrdinary(String text) {
    return encode(List.of(text), false).getFirst();
  }

  /**
   * Encodes texts as {@link Tokenizer#encode} does.
   *
   * @param texts well-formed texts
   * @return the token ids of each text, in their order
   * @throws IllegalArgumentException if a text holds an unpaired surrogate
   */
  public List<int[]> encode(List<String> texts) {
    return encode(texts, true);
  }

  /**
   * Encodes texts as {@link Tokenizer#encodeOrdinary} does.
   *
   * @param texts well-formed texts
   * @return the token ids of each text, in their order
   * @throws IllegalArgumentException if a text holds an unpaired surrogate
   */
  public List<int[]> encodeOrdinary(List<String> texts) {
    return encode(texts, false);
  }

  private List<int[]> encode(List<String> texts, boolean withSpecials) {
    List<Callable<int[]>> work = new ArrayList<>();
    int[] partsOf = new int[texts.size()];
    for (int i = 0; i < partsOf.length; i++) {
      String text = texts.get(i);
      int before = work.size();
      if (tokenizer instanceof BpeTokenizer bpe && text.length() >= LARGE_CHARS) {
        bpe.checkText(withSpecials ? "encode" : "encodeOrdinary", text);
        for (BpeTokenizer.Part part : bpe.parts(text, withSpecials)) {
          work.add(() -> encodePart(part));
        }
      } else {
        work.add(() -> withSpecials ? tokenizer.encode(text) : tokenizer.encodeOrdinary(text));
      }
      partsOf[i] = work.size() - before;
    }
    int[][] encoded = run(work);
    List<int[]> result = new ArrayList<>();
    int next = 0;
    for (int parts : partsOf) {
      if (parts == 1) {
        result.add(encoded[next]);
      } else {
        TokenBuffer ids = new TokenBuffer(0);
        for (int i = next; i < next + parts; i++) {
          ids.addAll(encoded[i], encoded[i].length);
        }
        result.add(ids.toArray());
      }
      next += parts;
    }
    return result;
  }

  private static int[] encodePart(BpeTokenizer.Part part) {
    TokenBuffer ids = new TokenBuffer(0);
    part.encodeInto(ids);
    return ids.toArray();
  }

  /** Lets the threads take one piece of work after the other. */
  private int[][] run(List<Callable<int[]>> work) {
    int[][] results = new int[work.size()][];
    AtomicInteger next = new AtomicInteger();
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < Math.min(threads, results.length); i++) {
      running.add(
          executor.submit(() -> {
            for (int at = next.getAndIncrement(); at < results.length; ) {
              results[at] = work.get(at).call();
              at = next.getAndIncrement();
            }
            return null;
          }));
    }
    RuntimeException failure = null;
    for (Future<?> future : running) {
      try {
        future.get();
      } catch (ExecutionException e) {
        next.set(results.length);
        failure =
            e.getCause() instanceof RuntimeException cause
                ? cause
                : new IllegalStateException(
                    "ParallelEncoder.encode: encoding failed", e.getCause());
      } catch (InterruptedException e) {
        next.set(results.length);
        Thread.currentThread().interrupt();
        throw new IllegalStateException("ParallelEncoder.encode: interrupted while encoding", e);
      }
    }
    if (failure != null) {
      throw failure;
    }
    return results;
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }
}
