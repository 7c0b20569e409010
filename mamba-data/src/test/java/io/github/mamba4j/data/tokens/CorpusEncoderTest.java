package io.github.mamba4j.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.corpus.Document;
import io.github.mamba4j.data.corpus.DocumentSplit;
import io.github.mamba4j.data.corpus.Language;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import io.github.mamba4j.data.tokenizer.ByteTokenizer;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusEncoderTest {

  @TempDir private Path folder;
  private Path input;
  private final Tokenizer tokenizer = new ByteTokenizer();

  @BeforeEach
  void writeCorpus() throws IOException {
    input = Files.createDirectory(folder.resolve("in"));
    StringBuilder csv = new StringBuilder("text\n");
    for (int i = 0; i < 3000; i++) {
      csv.append("row ").append(i).append(" <|endoftext|> 猫\n");
    }
    Files.writeString(input.resolve("a.csv"), csv);
    Files.writeString(input.resolve("b.py"), "x = 1\n".repeat(50_000));
  }

  private Corpus corpus() throws IOException {
    return Corpus.builder(input).build();
  }

  private List<String> texts(Path path) throws IOException {
    List<String> texts = new ArrayList<>();
    try (TokenFile file = TokenFile.open(path)) {
      file.verify();
      for (long i = 0; i < file.documentCount(); i++) {
        int[] ids = new int[(int) (file.documentStart(i + 1) - file.documentStart(i))];
        file.read(file.documentStart(i), ids, 0, ids.length);
        assertThat(ids[ids.length - 1]).isEqualTo(tokenizer.endOfTextId());
        int[] text = Arrays.copyOf(ids, ids.length - 1);
        assertThat(Arrays.stream(text)).doesNotContain(tokenizer.endOfTextId());
        texts.add(tokenizer.decode(text));
      }
    }
    return texts;
  }

  @Test
  void encode_corpus_keepsDocumentsInOrderWhateverTheThreads() throws IOException {
    List<String> expected = new ArrayList<>();
    corpus().forEach(document -> expected.add(document.text()));
    List<EncodingProgress> heard = new ArrayList<>();
    CorpusEncoder.builder(tokenizer)
        .threads(3)
        .listener(heard::add)
        .build()
        .encode(corpus(), folder.resolve("t3"));
    LanguageStatistics statistics =
        CorpusEncoder.builder(tokenizer).threads(1).build().encode(corpus(), folder.resolve("t1"));
    assertThat(texts(folder.resolve("t3"))).isEqualTo(expected);
    assertThat(folder.resolve("t1")).hasSameBinaryContentAs(folder.resolve("t3"));
    assertThat(statistics.of(Language.ENGLISH).texts()).isEqualTo(3000);
    assertThat(statistics.of(Language.PYTHON))
        .isEqualTo(new LanguageStatistics.Counts(1, 300_000, 300_000));
    assertThat(heard.getLast().documents()).isEqualTo(3001);
    assertThat(heard.getLast().tokens()).isEqualTo(statistics.total().tokens());
  }

  @Test
  void encode_split_sendsEachDocumentToItsFile() throws IOException {
    DocumentSplit split = DocumentSplit.of(0.2, 1);
    List<String> train = new ArrayList<>();
    List<String> validation = new ArrayList<>();
    corpus()
        .forEach(
            document -> (split.isValidation(document) ? validation : train).add(document.text()));
    CorpusEncoder.Result result =
        CorpusEncoder.builder(tokenizer)
            .build()
            .encode(corpus(), split, folder.resolve("train"), folder.resolve("validation"));
    assertThat(texts(folder.resolve("train"))).isEqualTo(train);
    assertThat(texts(folder.resolve("validation"))).isEqualTo(validation);
    assertThat(result.validation().total().texts()).isEqualTo(validation.size());
    assertThat(result.train().total().texts()).isEqualTo(train.size());
  }

  @Test
  void encode_emptySide_isRefusedAndNothingWritten() throws IOException {
    Corpus corpus = corpus();
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() ->
            CorpusEncoder.builder(tokenizer)
                .build()
                .encode(
                    corpus,
                    DocumentSplit.of(0, 1),
                    folder.resolve("train"),
                    folder.resolve("validation")))
        .withMessageContaining("no document is for validation; use more documents");
    assertThat(folder.toFile().list()).containsExactly("in");
  }

  @Test
  void encode_brokenFileAtTheEnd_leavesWhatWasThere() throws IOException {
    Path target = Files.writeString(folder.resolve("t"), "old");
    Files.write(input.resolve("z.txt"), new byte[] {'a', (byte) 0xFF});
    Corpus corpus = corpus();
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> CorpusEncoder.builder(tokenizer).build().encode(corpus, target))
        .withMessage(
            input.resolve("z.txt")
                + ": byte 0xFF at offset 1 is not UTF-8; convert the file to UTF-8");
    assertThat(target).hasContent("old");
    assertThat(folder.toFile().list()).containsExactlyInAnyOrder("in", "t");
  }

  @Test
  void builder_badArguments_areRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CorpusEncoder.builder(tokenizer).threads(0))
        .withMessage("CorpusEncoder: threads is 0, expected 1 or more");
  }

  @Test
  void document_nulls_areRefused() {
    assertThatExceptionOfType(NullPointerException.class)
        .isThrownBy(() -> new Document("a", Language.OTHER, null))
        .withMessage("Document: source must not be null");
  }
}
