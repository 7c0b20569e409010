package io.github.mamba4j.data.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Byte-level BPE by the definition and nothing clever: tokens are strings of the byte alphabet,
 * every step counts all pairs of all words anew. Shares no code with the library.
 */
final class ReferenceBpe {

  private static final Pattern PIECES =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);

  private final Map<String, Integer> vocab = new LinkedHashMap<>();
  private final List<List<String>> merges = new ArrayList<>();

  static ReferenceBpe train(List<String> texts, String special, int vocabSize, long minFrequency) {
    ReferenceBpe bpe = new ReferenceBpe();
    bpe.vocab.put(special, 0);
    TreeMap<Character, Integer> alphabet = new TreeMap<>();
    for (int b = 0; b < 256; b++) {
      alphabet.put(symbol(b), b);
    }
    alphabet.keySet().forEach(symbol -> bpe.vocab.put(symbol.toString(), bpe.vocab.size()));
    Map<List<String>, Long> words = new LinkedHashMap<>();
    for (String text : texts) {
      for (String piece : pieces(text)) {
        words.merge(symbols(piece), 1L, Long::sum);
      }
    }
    while (bpe.vocab.size() < vocabSize) {
      List<String> best = bpe.mostFrequentPair(words, minFrequency);
      if (best == null) {
        break;
      }
      bpe.merges.add(best);
      bpe.vocab.putIfAbsent(best.get(0) + best.get(1), bpe.vocab.size());
      Map<List<String>, Long> merged = new LinkedHashMap<>();
      words.forEach((word, count) -> merged.merge(mergeAll(word, best), count, Long::sum));
      words = merged;
    }
    return bpe;
  }

  private List<String> mostFrequentPair(Map<List<String>, Long> words, long minFrequency) {
    Map<List<String>, Long> counts = new LinkedHashMap<>();
    words.forEach((word, count) -> {
      for (int i = 0; i + 1 < word.size(); i++) {
        counts.merge(List.of(word.get(i), word.get(i + 1)), count, Long::sum);
      }
    });
    List<String> best = null;
    for (Map.Entry<List<String>, Long> entry : counts.entrySet()) {
      if (entry.getValue() < minFrequency) {
        continue;
      }
      if (best == null || beats(entry.getKey(), entry.getValue(), best, counts.get(best))) {
        best = entry.getKey();
      }
    }
    return best;
  }

  private boolean beats(List<String> pair, long count, List<String> best, long bestCount) {
    if (count != bestCount) {
      return count > bestCount;
    }
    int left = Integer.compare(vocab.get(pair.get(0)), vocab.get(best.get(0)));
    return left != 0 ? left < 0 : vocab.get(pair.get(1)) < vocab.get(best.get(1));
  }

  private static List<String> mergeAll(List<String> word, List<String> pair) {
    List<String> merged = new ArrayList<>();
    for (int i = 0; i < word.size(); i++) {
      if (i + 1 < word.size() && List.of(word.get(i), word.get(i + 1)).equals(pair)) {
        merged.add(pair.get(0) + pair.get(1));
        i++;
      } else {
        merged.add(word.get(i));
      }
    }
    return merged;
  }

  List<String> tokens() {
    return new ArrayList<>(vocab.keySet());
  }

  List<List<String>> merges() {
    return merges;
  }

  /** Encodes by applying the first merge that applies anywhere, at its leftmost place. */
  List<Integer> encode(String text) {
    List<Integer> ids = new ArrayList<>();
    for (String piece : pieces(text)) {
      List<String> word = new ArrayList<>(symbols(piece));
      while (mergeOnce(word)) {}
      word.forEach(token -> ids.add(vocab.get(token)));
    }
    return ids;
  }

  private boolean mergeOnce(List<String> word) {
    for (List<String> merge : merges) {
      for (int i = 0; i + 1 < word.size(); i++) {
        if (word.get(i).equals(merge.get(0)) && word.get(i + 1).equals(merge.get(1))) {
          word.set(i, merge.get(0) + merge.get(1));
          word.remove(i + 1);
          return true;
        }
      }
    }
    return false;
  }

  private static List<String> pieces(String text) {
    List<String> pieces = new ArrayList<>();
    Matcher matcher = PIECES.matcher(text);
    while (matcher.find()) {
      pieces.add(matcher.group());
    }
    return pieces;
  }

  private static List<String> symbols(String piece) {
    List<String> symbols = new ArrayList<>();
    for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
      symbols.add(String.valueOf(symbol(b & 0xFF)));
    }
    return symbols;
  }

  private static char symbol(int b) {
    if ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174) {
      return (char) b;
    }
    int below = 0;
    for (int other = 0; other < b; other++) {
      if (!((other >= 33 && other <= 126) || (other >= 161 && other <= 172) || other >= 174)) {
        below++;
      }
    }
    return (char) (256 + below);
  }
}
