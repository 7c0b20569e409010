package io.github.mamba4j.data.tokenizer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Learns the merges of a BPE from counted words: again and again, the pair of neighbouring symbols
 * that occurs most often becomes a new symbol (Sennrich et al. 2016, algorithm 1). Of equally
 * frequent pairs the one with the smaller left id is merged, then the one with the smaller right
 * id, so the result depends on the counts alone.
 *
 * <p>A merge visits only the words that hold the pair and corrects only the counts around the
 * places where it was merged: O(log pairs) to find the pair and O(length of the words it occurs in)
 * to merge it. Words live in one array, each in its own stretch, and shrink in place.
 */
final class MergeLearner {

  private final int[] symbols;
  private final int[] starts;
  private final int[] lengths;
  private final long[] counts;
  private final PairIndex index = new PairIndex();
  private final PairHeap heap = new PairHeap();

  private final List<byte[]> tokens;
  private final Map<ByteBuffer, Integer> idOfBytes = new HashMap<>();

  /** A token that is written in the file as a special one could not be told from it. */
  private final Set<String> forbidden = new HashSet<>();

  private final List<long[]> merges = new ArrayList<>();
  private int[] touched = new int[64];
  private int touchedCount;

  /**
   * Takes the words.
   *
   * @param words the pieces and their counts
   * @param tokens the bytes of the special tokens, then of the 256 single bytes
   * @param specials how many of them are special
   */
  MergeLearner(PieceCounts words, List<byte[]> tokens, int specials) {
    this.tokens = new ArrayList<>(tokens);
    int[] symbolOfByte = new int[256];
    for (int id = 0; id < tokens.size(); id++) {
      byte[] bytes = tokens.get(id);
      if (id < specials) {
        forbidden.add(new String(bytes, StandardCharsets.UTF_8));
      } else {
        symbolOfByte[bytes[0] & 0xFF] = id;
        idOfBytes.put(ByteBuffer.wrap(bytes), id);
      }
    }
    int[] sizes = {0, 0};
    words.forEach((text, from, to, count) -> {
      int length = utf8Length(text, from, to);
      if (length > 1) {
        sizes[0]++;
        sizes[1] = Math.addExact(sizes[1], length);
      }
    });
    symbols = new int[sizes[1]];
    starts = new int[sizes[0]];
    lengths = new int[sizes[0]];
    counts = new long[sizes[0]];
    fill(words, symbolOfByte);
    indexPairs();
  }

  private void fill(PieceCounts words, int[] symbolOfByte) {
    int[] at = {0, 0};
    int[] scratch = new int[4 * PieceCounter.MAX_PIECE_CHARS];
    words.forEach((text, from, to, count) -> {
      int length = Utf8Symbols.write(text, from, to, symbolOfByte, scratch);
      if (length > 1) {
        System.arraycopy(scratch, 0, symbols, at[1], length);
        starts[at[0]] = at[1];
        lengths[at[0]] = length;
        counts[at[0]] = count;
        at[0]++;
        at[1] += length;
      }
    });
  }

  private static int utf8Length(char[] text, int from, int to) {
    int length = 0;
    for (int i = from; i < to; i++) {
      char c = text[i];
      // A surrogate is half of a character of four bytes.
      length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return length;
  }

  private void indexPairs() {
    for (int word = 0; word < starts.length; word++) {
      int end = starts[word] + lengths[word] - 1;
      for (int i = starts[word]; i < end; i++) {
        int entry = index.entryOf(MergeTable.pair(symbols[i], symbols[i + 1]));
        index.add(entry, counts[word], word);
      }
    }
    for (int entry = 0; entry < index.size(); entry++) {
      heap.push(index.count(entry), index.pair(entry));
    }
  }

  /**
   * Learns until there are {@code vocabSize} tokens or no pair occurs {@code minFrequency} times.
   */
  void learn(int vocabSize, long minFrequency, IntConsumer progress) {
    while (tokens.size() < vocabSize && !heap.isEmpty()) {
      long count = heap.topCount();
      long pair = heap.topPair();
      heap.pop();
      int entry = index.entryOf(pair);
      long today = index.count(entry);
      if (today < Math.max(1, minFrequency)) {
        continue;
      }
      if (today != count) {
        if (today < count) {
          heap.push(today, pair);
        }
        continue;
      }
      if (merge(entry, pair)) {
        progress.accept(tokens.size());
      }
    }
  }

  private boolean merge(int entry, long pair) {
    int left = (int) (pair >>> 32);
    int right = (int) pair;
    byte[] joined =
        Arrays.copyOf(tokens.get(left), tokens.get(left).length + tokens.get(right).length);
    System.arraycopy(
        tokens.get(right), 0, joined, tokens.get(left).length, tokens.get(right).length);
    if (forbidden.contains(ByteAlphabet.encode(joined))) {
      return false;
    }
    ByteBuffer key = ByteBuffer.wrap(joined);
    // Two ways can lead to one token: "ab" + "c" and "a" + "bc".
    Integer known = idOfBytes.get(key);
    int id = known != null ? known : tokens.size();
    if (known == null) {
      tokens.add(joined);
      idOfBytes.put(key, id);
    }
    merges.add(new long[] {pair, id});
    touchedCount = 0;
    int[] words = index.words(entry);
    int wordCount = index.wordCount(entry);
    for (int i = 0; i < wordCount; i++) {
      mergeWord(words[i], left, right, id);
    }
    index.clear(entry);
    for (int i = 0; i < touchedCount; i++) {
      int changed = touched[i];
      if (index.count(changed) > 0) {
        heap.push(index.count(changed), index.pair(changed));
      }
    }
    return true;
  }

  private void mergeWord(int word, int left, int right, int id) {
    int start = starts[word];
    int end = start + lengths[word];
    long count = counts[word];
    int write = start;
    for (int read = start; read < end; ) {
      if (symbols[read] != left || read + 1 == end || symbols[read + 1] != right) {
        symbols[write++] = symbols[read++];
        continue;
      }
      if (write > start) {
        int before = symbols[write - 1];
        index.subtract(index.entryOf(MergeTable.pair(before, left)), count);
        add(before, id, count, word);
      }
      if (read + 2 < end) {
        int after = symbols[read + 2];
        index.subtract(index.entryOf(MergeTable.pair(right, after)), count);
        add(id, after, count, word);
      }
      symbols[write++] = id;
      read += 2;
    }
    lengths[word] = write - start;
  }

  private void add(int left, int right, long count, int word) {
    int entry = index.entryOf(MergeTable.pair(left, right));
    index.add(entry, count, word);
    if (index.firstIn(merges.size(), entry)) {
      if (touchedCount == touched.length) {
        touched = Arrays.copyOf(touched, 2 * touchedCount);
      }
      touched[touchedCount++] = entry;
    }
  }

  byte[][] tokens() {
    return tokens.toArray(byte[][]::new);
  }

  MergeTable merges() {
    return new MergeTable(
        merges.stream().mapToLong(merge -> merge[0]).toArray(),
        merges.stream().mapToInt(merge -> (int) merge[1]).toArray());
  }
}
