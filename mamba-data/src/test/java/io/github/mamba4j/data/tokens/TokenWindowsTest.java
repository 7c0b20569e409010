package io.github.mamba4j.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.train.BatchSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenWindowsTest {

  private static final int IGNORE = -100;

  @TempDir private Path folder;

  /** A file of the tokens 1, 2, 3, … in documents of the given lengths, each ended by a 0. */
  private TokenFile file(int... lengths) throws IOException {
    Path path = folder.resolve("tokens");
    int next = 1;
    try (TokenFileWriter writer = new TokenFileWriter(path, 10_000, 0)) {
      for (int length : lengths) {
        writer.addDocument(IntStream.range(next, next + length).toArray());
        next += length;
      }
      writer.commit();
    }
    return TokenFile.open(path);
  }

  private record Row(List<Integer> inputs, List<Integer> targets) {}

  private static List<Row> rows(BatchSource source, long epoch) {
    List<Row> rows = new ArrayList<>();
    int length = source.length();
    int[] inputs = new int[source.batchSize() * length];
    int[] targets = new int[inputs.length];
    for (long step = 0; step < source.stepsPerEpoch(); step++) {
      source.read(epoch, step, inputs, targets);
      for (int row = 0; row < source.batchSize(); row++) {
        rows.add(new Row(row(inputs, row, length), row(targets, row, length)));
      }
    }
    return rows;
  }

  private static List<Integer> row(int[] values, int row, int length) {
    return Arrays.stream(values, row * length, (row + 1) * length).boxed().toList();
  }

  @Test
  void read_unshuffled_cutsTheStreamWithStrideLength() throws IOException {
    try (TokenFile file = file(5, 3)) {
      TokenWindows windows =
          TokenWindows.builder(file).batchSize(1).length(3).shuffle(false).build();
      // Tokens: 1 2 3 4 5 0 6 7 8 0
      assertThat(windows.stepsPerEpoch()).isEqualTo(3);
      assertThat(rows(windows, 0))
          .containsExactly(
              new Row(List.of(1, 2, 3), List.of(2, 3, 4)),
              new Row(List.of(4, 5, 0), List.of(5, 0, 6)),
              new Row(List.of(6, 7, 8), List.of(7, 8, 0)));
    }
  }

  @Test
  void read_keepPartial_fillsUpTheLastWindowAndBatch() throws IOException {
    try (TokenFile file = file(5, 3)) {
      TokenWindows windows =
          TokenWindows.builder(file)
              .batchSize(2)
              .length(4)
              .shuffle(false)
              .keepPartial(true)
              .build();
      assertThat(windows.windowCount()).isEqualTo(3);
      assertThat(rows(windows, 0))
          .containsExactly(
              new Row(List.of(1, 2, 3, 4), List.of(2, 3, 4, 5)),
              new Row(List.of(5, 0, 6, 7), List.of(0, 6, 7, 8)),
              new Row(List.of(8, 0, 0, 0), List.of(0, IGNORE, IGNORE, IGNORE)),
              new Row(List.of(0, 0, 0, 0), List.of(IGNORE, IGNORE, IGNORE, IGNORE)));
    }
  }

  @Test
  void read_smallerStride_overlapsAndCountsTheNewTokens() throws IOException {
    try (TokenFile file = file(5, 3)) {
      TokenWindows windows =
          TokenWindows.builder(file)
              .batchSize(1)
              .length(4)
              .stride(2)
              .shuffle(false)
              .keepPartial(true)
              .build();
      // Tokens: 1 2 3 4 5 0 6 7 8 0
      assertThat(rows(windows, 0))
          .containsExactly(
              new Row(List.of(1, 2, 3, 4), List.of(2, 3, 4, 5)),
              new Row(List.of(3, 4, 5, 0), List.of(IGNORE, IGNORE, 0, 6)),
              new Row(List.of(5, 0, 6, 7), List.of(IGNORE, IGNORE, 7, 8)),
              new Row(List.of(6, 7, 8, 0), List.of(IGNORE, IGNORE, 0, IGNORE)));
    }
  }

  @Test
  void read_anyStride_countsEachTokenOnceWithItsContext() throws IOException {
    for (int length = 1; length <= 7; length++) {
      for (int stride = 1; stride <= length; stride++) {
        for (boolean cross : new boolean[] {true, false}) {
          try (TokenFile file = file(9, 1, 0, 17, 4)) {
            TokenWindows windows =
                TokenWindows.builder(file)
                    .batchSize(2)
                    .length(length)
                    .stride(stride)
                    .keepPartial(true)
                    .crossDocuments(cross)
                    .build();
            assertCounted(windows, length - stride, cross, 9, 1, 0, 17, 4);
          }
        }
      }
    }
  }

  /** Ids above 0 are unique; before a counted one are those of its text, up to the context. */
  private static void assertCounted(
      TokenWindows windows, int context, boolean cross, int... lengths) {
    List<Integer> counted = new ArrayList<>();
    for (Row row : rows(windows, 1)) {
      for (int i = 0; i < row.targets().size(); i++) {
        int target = row.targets().get(i);
        if (target > 0) {
          counted.add(target);
          int first = cross ? 1 : firstOfText(target, lengths);
          assertThat(i + 1).isGreaterThan(Math.min(context, target - first - 1));
        }
      }
    }
    List<Integer> expected =
        IntStream.rangeClosed(1, Arrays.stream(lengths).sum())
            .filter(id -> cross ? id > 1 : id != firstOfText(id, lengths))
            .boxed()
            .toList();
    assertThat(counted).containsExactlyInAnyOrderElementsOf(expected);
  }

  private static int firstOfText(int id, int... lengths) {
    int first = 1;
    for (int length : lengths) {
      if (id < first + length) {
        return first;
      }
      first += length;
    }
    throw new IllegalArgumentException("no text has " + id);
  }

  @Test
  void read_withinDocuments_neverCrosses() throws IOException {
    try (TokenFile file = file(1, 4, 0, 6)) {
      // Documents: 1 0 | 2 3 4 5 0 | 0 | 6 7 8 9 10 11 0
      TokenWindows dropping =
          TokenWindows.builder(file)
              .batchSize(1)
              .length(3)
              .shuffle(false)
              .crossDocuments(false)
              .build();
      assertThat(rows(dropping, 0))
          .containsExactly(
              new Row(List.of(2, 3, 4), List.of(3, 4, 5)),
              new Row(List.of(6, 7, 8), List.of(7, 8, 9)),
              new Row(List.of(9, 10, 11), List.of(10, 11, 0)));
      TokenWindows keeping =
          TokenWindows.builder(file)
              .batchSize(1)
              .length(3)
              .shuffle(false)
              .crossDocuments(false)
              .keepPartial(true)
              .build();
      assertThat(rows(keeping, 0))
          .containsExactly(
              new Row(List.of(1, 0, 0), List.of(0, IGNORE, IGNORE)),
              new Row(List.of(2, 3, 4), List.of(3, 4, 5)),
              new Row(List.of(5, 0, 0), List.of(0, IGNORE, IGNORE)),
              new Row(List.of(6, 7, 8), List.of(7, 8, 9)),
              new Row(List.of(9, 10, 11), List.of(10, 11, 0)));
    }
  }

  @Test
  void read_shuffled_givesEveryTargetOnceAnEpochInAnotherOrder() throws IOException {
    try (TokenFile file = file(300, 400, 299)) {
      TokenWindows windows =
          TokenWindows.builder(file).batchSize(4).length(7).seed(3).keepPartial(true).build();
      TokenWindows ordered =
          TokenWindows.builder(file)
              .batchSize(4)
              .length(7)
              .shuffle(false)
              .keepPartial(true)
              .build();
      List<Row> first = rows(windows, 0);
      List<Row> second = rows(windows, 1);
      assertThat(first).containsExactlyInAnyOrderElementsOf(rows(ordered, 0));
      assertThat(second).containsExactlyInAnyOrderElementsOf(rows(ordered, 0));
      assertThat(first).isNotEqualTo(second).isNotEqualTo(rows(ordered, 0));
      List<Integer> targets = new ArrayList<>();
      first.forEach(row -> row.targets().stream().filter(id -> id > 0).forEach(targets::add));
      assertThat(targets).doesNotHaveDuplicates().hasSize(998);
    }
  }

  @Test
  void read_anyOrder_dependsOnEpochStepAndSeedAlone() throws IOException {
    try (TokenFile file = file(600)) {
      TokenWindows one = TokenWindows.builder(file).length(7).seed(5).build();
      TokenWindows two = TokenWindows.builder(file).length(7).seed(5).build();
      TokenWindows other = TokenWindows.builder(file).length(7).seed(6).build();
      List<Row> expected = rows(one, 4);
      rows(two, 0);
      int[] inputs = new int[28];
      int[] targets = new int[28];
      two.read(4, 9, inputs, targets);
      assertThat(row(inputs, 2, 7)).isEqualTo(expected.get(9 * 4 + 2).inputs());
      assertThat(rows(two, 4)).isEqualTo(expected);
      assertThat(rows(other, 4)).isNotEqualTo(expected);
    }
  }

  @Test
  void fingerprint_eachOptionAndTheData_changeIt() throws IOException {
    List<String> fingerprints = new ArrayList<>();
    try (TokenFile file = file(600)) {
      fingerprints.add(TokenWindows.builder(file).build().fingerprint());
      assertThat(TokenWindows.builder(file).build().fingerprint()).isEqualTo(fingerprints.get(0));
      fingerprints.add(TokenWindows.builder(file).length(32).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).batchSize(3).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).length(64).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).seed(1).batchSize(3).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).shuffle(false).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).keepPartial(true).build().fingerprint());
      fingerprints.add(TokenWindows.builder(file).crossDocuments(false).build().fingerprint());
    }
    try (TokenFile file = file(600, 2)) {
      fingerprints.add(TokenWindows.builder(file).build().fingerprint());
    }
    assertThat(fingerprints).doesNotHaveDuplicates().allMatch(f -> f.matches("[0-9a-f]{64}"));
  }

  @Test
  void build_tooFewTokens_isRefused() throws IOException {
    try (TokenFile file = file(7)) {
      Path path = file.path();
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> TokenWindows.builder(file).batchSize(1).length(8).build())
          .withMessage(
              path
                  + ": has 8 tokens, too few for one window of 8 + 1; use a shorter length or more"
                  + " text");
      assertThat(TokenWindows.builder(file).batchSize(1).length(7).build().windowCount()).isOne();
      assertThat(TokenWindows.builder(file).length(8).keepPartial(true).build().stepsPerEpoch())
          .isOne();
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> TokenWindows.builder(file).batchSize(4).length(2).build())
          .withMessage(
              path
                  + ": has 3 windows of 2 tokens, too few for a batch of 4; use a smaller batch, a"
                  + " shorter length or more text");
    }
    try (TokenFile file = file(2, 2, 2)) {
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> TokenWindows.builder(file).length(4).crossDocuments(false).build())
          .withMessageContaining("has 9 tokens in 3 documents, too few for one window of 4 + 1");
    }
    try (TokenFile file = file()) {
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> TokenWindows.builder(file).keepPartial(true).build())
          .withMessageContaining("has 0 tokens");
    }
  }

  @Test
  void read_badArguments_areRefused() throws IOException {
    try (TokenFile file = file(100)) {
      TokenWindows windows = TokenWindows.builder(file).batchSize(2).length(10).build();
      int[] good = new int[20];
      assertThatIllegalArgumentException()
          .isThrownBy(() -> windows.read(-1, 0, good, good))
          .withMessage("TokenWindows.read: epoch is -1, expected 0 or more");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> windows.read(0, 5, good, good))
          .withMessage("TokenWindows.read: step is 5, expected 0 to 4");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> windows.read(0, 0, good, new int[19]))
          .withMessage(
              "TokenWindows.read: targets has 19 elements, expected batch × length = 2 × 10 = 20");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> TokenWindows.builder(file).length(0))
          .withMessage("TokenWindows: length is 0, expected 1 or more");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> TokenWindows.builder(file).stride(0))
          .withMessage("TokenWindows: stride is 0, expected 1 or more");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> TokenWindows.builder(file).length(10).stride(11).build())
          .withMessage("TokenWindows: stride is 11, expected at most length = 10");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> TokenWindows.builder(file).batchSize(1 << 20).length(1 << 20).build())
          .withMessageContaining("batchSize × length is 1048576 × 1048576");
    }
  }
}
