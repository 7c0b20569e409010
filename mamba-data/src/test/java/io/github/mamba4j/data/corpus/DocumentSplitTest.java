package io.github.mamba4j.data.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocumentSplitTest {

  private static Document document(int i) {
    return new Document("text", Language.ENGLISH, "folder/file.csv#" + i);
  }

  @Test
  void isValidation_manyDocuments_hitsTheFraction() {
    for (double fraction : new double[] {0, 0.05, 0.5, 0.9}) {
      DocumentSplit split = DocumentSplit.of(fraction, 42);
      long validation = 0;
      for (int i = 0; i < 100_000; i++) {
        validation += split.isValidation(document(i)) ? 1 : 0;
      }
      assertThat(validation / 100_000.0).isCloseTo(fraction, within(0.006));
    }
  }

  @Test
  void isValidation_otherSeed_splitsOtherwise() {
    DocumentSplit one = DocumentSplit.of(0.5, 1);
    DocumentSplit two = DocumentSplit.of(0.5, 2);
    long same = 0;
    for (int i = 0; i < 10_000; i++) {
      assertThat(one.isValidation(document(i)))
          .isEqualTo(DocumentSplit.of(0.5, 1).isValidation(document(i)));
      same += one.isValidation(document(i)) == two.isValidation(document(i)) ? 1 : 0;
    }
    assertThat(same).isBetween(4700L, 5300L);
  }

  @Test
  void fitted_fewDocuments_leavesNoSideEmpty(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("a.csv");
    Files.writeString(file, "text\none\ntwo\nthree\n");
    Corpus corpus = Corpus.builder(file).build();
    for (int seed = 0; seed < 50; seed++) {
      for (double fraction : new double[] {0.001, 0.3, 0.999}) {
        DocumentSplit split = DocumentSplit.of(fraction, seed).fitted(corpus);
        List<Boolean> sides = new ArrayList<>();
        corpus.forEach(document -> sides.add(split.isValidation(document)));
        assertThat(sides).contains(true, false);
      }
      DocumentSplit none = DocumentSplit.of(0, seed).fitted(corpus);
      corpus.forEach(document -> assertThat(none.isValidation(document)).isFalse());
    }
  }

  @Test
  void fitted_oneDocument_isForTraining(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("a.txt");
    Files.writeString(file, "text");
    Corpus corpus = Corpus.builder(file).build();
    DocumentSplit split = DocumentSplit.of(0.999, 1).fitted(corpus);
    corpus.forEach(document -> assertThat(split.isValidation(document)).isFalse());
  }

  @Test
  void of_fractionOutOfRange_isRefused() {
    for (double fraction : new double[] {-0.1, 1, Double.NaN}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> DocumentSplit.of(fraction, 1))
          .withMessageStartingWith("DocumentSplit: validationFraction is " + fraction);
    }
  }
}
