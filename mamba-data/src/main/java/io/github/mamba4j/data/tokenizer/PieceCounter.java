package io.github.mamba4j.data.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the pieces of many texts in several threads, within bounded memory.
 *
 * <p>The text is gathered in rounds of a fixed number of characters. In a round the threads take
 * chunks and count into maps of their own, then the maps are added up. Sums do not depend on who
 * counted what, and the forgetting of rare pieces happens only between rounds, so the result is the
 * same for every number of threads.
 *
 * <p>Chunks end where the regular expression ends a piece whatever stands around it.
 */
final class PieceCounter {

  /**
   * Characters of a round: bounds the text held at once and what the maps of the threads can hold.
   */
  private static final int ROUND_CHARS = 1 << 24;

  private static final int CHUNK_CHARS = 1 << 17;

  /**
   * Longer pieces are counted in parts, so that one file without a space cannot fill the memory.
   */
  static final int MAX_PIECE_CHARS = 4096;

  private record Chunk(String text, int from, int to) {}

  private final int threads;
  private final ExecutorService executor;
  private final int maxPieces;
  private final int maxPieceChars;
  private final Runnable afterRound;

  private final List<Chunk> round = new ArrayList<>();
  private int roundChars;
  private long chars;
  private long forgetUpTo;
  private PieceCounts total = new PieceCounts();

  PieceCounter(
      int threads,
      ExecutorService executor,
      int maxPieces,
      int maxPieceChars,
      Runnable afterRound) {
    this.threads = threads;
    this.executor = executor;
    this.maxPieces = maxPieces;
    this.maxPieceChars = maxPieceChars;
    this.afterRound = afterRound;
  }

  void add(String text) {
    int unpaired = VocabularyTokenizer.unpairedSurrogate(text);
    if (unpaired >= 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "BpeTrainer.train: a text has an unpaired surrogate at index %d, expected "
                  + "well-formed text",
              unpaired));
    }
    for (int from = 0; from < text.length(); ) {
      int to = chunkEnd(text, from);
      round.add(new Chunk(text, from, to));
      roundChars += to - from;
      chars += to - from;
      from = to;
      if (roundChars >= ROUND_CHARS) {
        countRound();
      }
    }
  }

  private static int chunkEnd(String text, int from) {
    for (int at = from + CHUNK_CHARS; at < text.length(); at++) {
      if (PieceScanner.alwaysCutBetween(text.charAt(at - 1), text.charAt(at))) {
        return at;
      }
    }
    return text.length();
  }

  PieceCounts finish() {
    countRound();
    return total;
  }

  long chars() {
    return chars;
  }

  int pieces() {
    return total.size();
  }

  /** The highest count that was forgotten to stay within the limits; 0 if the counts are exact. */
  long forgetUpTo() {
    return forgetUpTo;
  }

  private void countRound() {
    if (round.isEmpty()) {
      return;
    }
    AtomicInteger next = new AtomicInteger();
    List<Callable<PieceCounts>> tasks = new ArrayList<>();
    for (int i = 0; i < Math.min(threads, round.size()); i++) {
      tasks.add(() -> countChunks(next));
    }
    try {
      for (var counted : executor.invokeAll(tasks)) {
        total.addAll(counted.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("BpeTrainer.train: interrupted while counting", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("BpeTrainer.train: counting failed", e.getCause());
    }
    round.clear();
    roundChars = 0;
    forgetRarePieces();
    afterRound.run();
  }

  private void forgetRarePieces() {
    if (total.size() <= maxPieces && total.chars() <= maxPieceChars) {
      return;
    }
    while (total.size() > maxPieces / 2 || total.chars() > maxPieceChars / 2) {
      forgetUpTo++;
      total = total.above(forgetUpTo);
    }
  }

  private PieceCounts countChunks(AtomicInteger next) {
    PieceCounts counts = new PieceCounts();
    char[] chars = new char[CHUNK_CHARS];
    for (int i = next.getAndIncrement(); i < round.size(); i = next.getAndIncrement()) {
      Chunk chunk = round.get(i);
      // White space at the end of a chunk depends on the character after it.
      int end = Math.min(chunk.to() + 1, chunk.text().length());
      if (end - chunk.from() > chars.length) {
        chars = new char[end - chunk.from()];
      }
      chunk.text().getChars(chunk.from(), end, chars, 0);
      count(chars, chunk.to() - chunk.from(), end - chunk.from(), counts);
    }
    return counts;
  }

  private static void count(char[] chars, int length, int end, PieceCounts counts) {
    for (int from = 0; from < length; ) {
      int to = PieceScanner.GPT2.next(chars, from, end);
      if (to - from > MAX_PIECE_CHARS) {
        to = from + MAX_PIECE_CHARS;
        if (Character.isHighSurrogate(chars[to - 1])) {
          to--;
        }
      }
      counts.add(chars, from, to, 1);
      from = to;
    }
  }
}
