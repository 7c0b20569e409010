package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpeTrainerTest {

  private static BpeTokenizer train(List<String> texts, int vocabSize, int threads)
      throws IOException {
    return BpeTrainer.builder().vocabSize(vocabSize).threads(threads).build().train(texts::forEach);
  }

  private static List<String> tokensOf(BpeTokenizer tokenizer) {
    List<String> tokens = new ArrayList<>();
    for (int id = 0; id < tokenizer.vocabSize(); id++) {
      tokens.add(
          id == tokenizer.endOfTextId()
              ? Tokenizer.END_OF_TEXT
              : ByteAlphabet.encode(tokenizer.bytesOf(id)));
    }
    return tokens;
  }

  private static List<List<String>> mergesOf(BpeTokenizer tokenizer) {
    List<String> tokens = tokensOf(tokenizer);
    List<List<String>> merges = new ArrayList<>();
    for (int rank = 0; rank < tokenizer.merges().size(); rank++) {
      long pair = tokenizer.merges().pairAt(rank);
      merges.add(List.of(tokens.get((int) (pair >>> 32)), tokens.get((int) pair)));
    }
    return merges;
  }

  @Test
  void train_randomWords_learnsWhatTheReferenceLearns() throws IOException {
    String[] alphabets = {"ab", "abc", "aあい", "xyz𠮷é", "abcdefgh"};
    for (int seed = 0; seed < 40; seed++) {
      RandomText random = new RandomText(seed);
      List<String> texts =
          List.of(
              random.words(40, alphabets[seed % alphabets.length]), random.next(), random.next());
      int vocabSize = 257 + 5 + 3 * seed;
      ReferenceBpe expected = ReferenceBpe.train(texts, Tokenizer.END_OF_TEXT, vocabSize, 2);
      BpeTokenizer actual = train(texts, vocabSize, 2);
      assertThat(mergesOf(actual)).as("merges, seed %d", seed).isEqualTo(expected.merges());
      assertThat(tokensOf(actual)).as("tokens, seed %d", seed).isEqualTo(expected.tokens());
      String text = random.words(20, alphabets[seed % alphabets.length]) + random.next();
      assertThat(actual.encodeOrdinary(text))
          .as("ids, seed %d", seed)
          .containsExactly(expected.encode(text).stream().mapToInt(i -> i).toArray());
    }
  }

  @Test
  void train_anyNumberOfThreads_givesTheSameFile(@TempDir Path folder) throws IOException {
    // More than one round of counting, in several chunks, over several texts.
    RandomText random = new RandomText(7);
    String text = random.words(60_000, "etaoinshrdluあいう");
    List<String> texts = new ArrayList<>();
    for (int chars = 0; chars < 17_000_000; chars += text.length()) {
      texts.add(text);
    }
    for (int threads : new int[] {1, 3}) {
      train(texts, 600, threads).save(folder.resolve("t" + threads));
    }
    byte[] one = Files.readAllBytes(folder.resolve("t1"));
    assertThat(Files.readAllBytes(folder.resolve("t3"))).isEqualTo(one);
  }

  @Test
  void train_chunksOfOneText_countAsTheWholeText() throws IOException {
    String words = new RandomText(3).words(80_000, "abcdef");
    List<String> lines = new ArrayList<>();
    words.lines().forEach(line -> lines.add(line + "\n"));
    // Each line alone, and all lines in one text that is cut into chunks.
    assertThat(mergesOf(train(List.of(words), 500, 3)))
        .isEqualTo(mergesOf(train(List.of(String.join("", lines)), 500, 1)));
  }

  @Test
  void train_chunksThatEndInLineEnds_countTheirPiecesOfTheWholeText() throws IOException {
    // A chunk ends after some \n\n, which is two pieces because a letter follows.
    String text = "ab\n\n".repeat(200_000) + "x";
    assertThat(mergesOf(train(List.of(text), 300, 2)))
        .isEqualTo(mergesOf(train(List.of("ab\n\n".repeat(30) + "x"), 300, 1)))
        .doesNotContain(List.of("Ċ", "Ċ"));
  }

  @Test
  void train_minFrequency_leavesRarePairsAlone() throws IOException {
    BpeTokenizer tokenizer =
        BpeTrainer.builder()
            .vocabSize(300)
            .minFrequency(3)
            .build()
            .train(List.of("ab ab ab cd cd")::forEach);
    // "ab" occurs 3 times, " ab" and " cd" twice.
    assertThat(mergesOf(tokenizer)).containsExactly(List.of("a", "b"));
  }

  @Test
  void train_textOfSpecialToken_isNeverLearned() throws IOException {
    BpeTokenizer tokenizer =
        BpeTrainer.builder()
            .vocabSize(300)
            .specialTokens(List.of(Tokenizer.END_OF_TEXT, "abc"))
            .build()
            .train(List.of("abc abc abc abcd abcd abcd")::forEach);
    assertThat(tokensOf(tokenizer).subList(257, tokenizer.vocabSize())).doesNotContain("abc");
    assertThat(tokenizer.specialTokens())
        .containsExactly(entry("<|endoftext|>", 0), entry("abc", 1));
    assertThat(tokenizer.decode(tokenizer.encodeOrdinary("abc abcd"))).isEqualTo("abc abcd");
  }

  private static java.util.Map.Entry<String, Integer> entry(String text, int id) {
    return java.util.Map.entry(text, id);
  }

  @Test
  void train_morePiecesThanTheLimit_forgetsTheRareOnes() throws IOException {
    StringBuilder rare = new StringBuilder();
    for (int i = 0; i < 3000; i++) {
      rare.append(' ').append((char) (0x4E00 + i)).append('q');
    }
    String frequent = " hello".repeat(100);
    BpeTokenizer tokenizer =
        BpeTrainer.builder()
            .vocabSize(262)
            .maxPieces(1000)
            .build()
            .train(List.of(rare + frequent)::forEach);
    assertThat(tokensOf(tokenizer)).contains("Ġhello");
  }

  @Test
  void train_longPieceWithoutSpaces_isLearned() throws IOException {
    String text = "ACGTTGCA".repeat(20_000);
    BpeTokenizer tokenizer = train(List.of(text), 300, 2);
    int[] ids = tokenizer.encode(text);
    assertThat(ids.length).isLessThan(text.length() / 50);
    assertThat(tokenizer.decode(ids)).isEqualTo(text);
  }

  @Test
  void train_fewPairs_stopsBelowTheVocabularySize() throws IOException {
    BpeTokenizer tokenizer = train(List.of("aa aa"), 1000, 1);
    assertThat(tokenizer.vocabSize()).isEqualTo(258);
  }

  @Test
  void train_listener_hearsBothPhases() throws IOException {
    List<BpeProgress> heard = new ArrayList<>();
    BpeTrainer.builder()
        .vocabSize(260)
        .listener(heard::add)
        .build()
        .train(List.of("abcd abcd")::forEach);
    assertThat(heard.getFirst()).isEqualTo(new BpeProgress(BpeProgress.Phase.COUNTING, 9, -1));
    assertThat(heard.getLast()).isEqualTo(new BpeProgress(BpeProgress.Phase.MERGING, 260, 260));
  }

  @Test
  void train_sourceThatFails_passesTheErrorOn() {
    assertThat(
            org.assertj.core.api.Assertions.catchThrowable(() ->
                BpeTrainer.builder()
                    .build()
                    .train(sink -> {
                      sink.accept("some text");
                      throw new IOException("disk on fire");
                    })))
        .isInstanceOf(IOException.class)
        .hasMessage("disk on fire");
  }

  @Test
  void train_badInput_isRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> train(List.of(), 300, 1))
        .withMessage("BpeTrainer.train: the source has no text, expected some to train on");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> train(List.of("ab\uD83D"), 300, 1))
        .withMessageContaining("unpaired surrogate at index 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().vocabSize(256))
        .withMessage("BpeTrainer: vocabSize is 256, expected at least 257");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().threads(0))
        .withMessage("BpeTrainer: threads is 0, expected at least 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().minFrequency(0))
        .withMessage("BpeTrainer: minFrequency is 0, expected at least 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().maxPieces(5))
        .withMessage("BpeTrainer: maxPieces is 5, expected at least 1000");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().specialTokens(List.of("x")))
        .withMessageContaining("specialTokens has \"x\"");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BpeTrainer.builder().specialTokens(List.of("xx", "xx")))
        .withMessageContaining("expected each text once");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> BpeTrainer.builder().vocabSize(257).specialTokens(List.of("xx", "yy")).build())
        .withMessageContaining("vocabSize is 257, expected at least 258");
  }

  @Test
  void byteAlphabet_allBytes_roundTrips() {
    byte[] bytes = new byte[256];
    for (int b = 0; b < 256; b++) {
      bytes[b] = (byte) b;
    }
    String symbols = ByteAlphabet.encode(bytes);
    assertThat(ByteAlphabet.decode(symbols)).isEqualTo(bytes);
    assertThat(symbols.charAt(' ')).isEqualTo('Ġ');
    assertThat(symbols.charAt('\n')).isEqualTo('Ċ');
    assertThat(symbols.chars().distinct().count()).isEqualTo(256);
    assertThat(ByteAlphabet.decode(" ")).isNull();
    assertThat(ByteAlphabet.encode("é".getBytes(StandardCharsets.UTF_8))).isEqualTo("Ã©");
  }
}
