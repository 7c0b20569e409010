package io.github.mamba4j.data.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {

  @TempDir private Path folder;

  private Path write(String name, String text) throws IOException {
    return write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private Path write(String name, byte[] bytes) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, bytes);
  }

  private static List<Document> read(Corpus corpus) throws IOException {
    List<Document> documents = new ArrayList<>();
    corpus.forEach(documents::add);
    return documents;
  }

  private void assertBroken(Corpus.Builder builder, String message) {
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> read(builder.build()))
        .withMessage(message);
  }

  @Test
  void forEach_folderTree_givesSortedDocumentsWithLanguages() throws IOException {
    write("b/two.txt", "A second English text.");
    write("a/one.txt", "これは日本語の文章です。");
    write("b/code.py", "print('hi')\n");
    write("a.csv", "label,text\n1,\"a row, with\ntwo lines\"\n2,   \n3,猫がいる\n");
    write("notes.md", "not read");
    write(".hidden.txt", "not read");
    write(".git/config.txt", "not read");
    assertThat(read(Corpus.builder(folder).build()))
        .containsExactly(
            new Document("a row, with\ntwo lines", Language.ENGLISH, "a.csv#1"),
            new Document("猫がいる", Language.JAPANESE, "a.csv#3"),
            new Document("これは日本語の文章です。", Language.JAPANESE, "a/one.txt"),
            new Document("print('hi')\n", Language.PYTHON, "b/code.py"),
            new Document("A second English text.", Language.ENGLISH, "b/two.txt"));
  }

  @Test
  void forEach_blankLinesOn_givesADocumentEachParagraph() throws IOException {
    Path file = write("p.txt", "\n one\ntwo\n \t\r\nthree\r\n\r\n\n\nfour");
    assertThat(read(Corpus.builder(file).splitAtBlankLines(true).build()))
        .extracting(Document::text, Document::source)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(" one\ntwo\n", "p.txt#1"),
            org.assertj.core.groups.Tuple.tuple("three\r\n", "p.txt#2"),
            org.assertj.core.groups.Tuple.tuple("four", "p.txt#3"));
  }

  @Test
  void forEach_longFile_isCutAfterLineEnds() throws IOException {
    String lines = "0123456789\nabc\n🐍🐍🐍🐍🐍🐍\nxy";
    Path file = write("l.txt", lines);
    List<Document> documents = read(Corpus.builder(file).maxDocumentChars(11).build());
    assertThat(documents)
        .extracting(Document::text)
        .containsExactly("0123456789\n", "abc\n", "🐍🐍🐍🐍🐍", "🐍\nxy");
    assertThat(documents)
        .extracting(Document::source)
        .containsExactly("l.txt", "l.txt#2", "l.txt#3", "l.txt#4");
  }

  @Test
  void forEach_filesLargerThanTheBuffers_areReadWhole() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; text.length() < 300_000; i++) {
      text.append(i).append(" 東京🐍é\n");
    }
    write("big.txt", text.toString());
    write("big.csv", "text\n\"" + text + "\"\n");
    assertThat(read(Corpus.builder(folder).build()))
        .extracting(Document::text)
        .containsExactly(text.toString(), text.toString());
  }

  @Test
  void forEach_byteOrderMark_isDropped() throws IOException {
    write("a.csv", "\uFEFFtext\nrow\n");
    write("b.txt", "\uFEFFbody");
    assertThat(read(Corpus.builder(folder).build()))
        .extracting(Document::text)
        .containsExactly("row", "body");
  }

  @Test
  void build_linkLoopAndDoubles_areReadOnce() throws IOException {
    Path file = write("a/one.txt", "text");
    Files.createSymbolicLink(folder.resolve("a/loop"), folder);
    Files.createSymbolicLink(folder.resolve("b.txt"), file);
    Files.createSymbolicLink(folder.resolve("c"), folder.resolve("a"));
    assertThat(Corpus.builder(folder).build().files()).containsExactly(file);
    assertThat(Corpus.builder(folder, file).build().files()).hasSize(1);
  }

  @Test
  void build_linkToNothing_isAnError() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("a.txt"), folder.resolve("gone"));
    assertBroken(Corpus.builder(folder), link + ": cannot be read (no such file)");
  }

  @Test
  void forEach_fileThatVanished_isAnError() throws IOException {
    Path file = write("a.txt", "text");
    Corpus corpus = Corpus.builder(folder).build();
    Files.delete(file);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> read(corpus))
        .withMessage(file + ": cannot be read (no such file)");
  }

  @Test
  void build_missingOrEmptyOrUnknown_isAnError() throws IOException {
    Path missing = folder.resolve("missing");
    assertBroken(Corpus.builder(missing), missing + ": no such file or folder");
    assertBroken(
        Corpus.builder(folder),
        folder + ": the corpus is empty, no .txt, .py or .csv file is there");
    write("x.md", "text");
    assertBroken(
        Corpus.builder(folder),
        folder + ": the corpus is empty, no .txt, .py or .csv file is there");
    write("a.txt", "");
    write("b.txt", " \n\n");
    assertBroken(
        Corpus.builder(folder), folder + ": the corpus is empty, its 2 files hold no text");
    assertThatIllegalArgumentException().isThrownBy(Corpus::builder);
  }

  @Test
  void build_namedFileOfAnotherKind_isReadAsText() throws IOException {
    Path raw = write("wiki.test.raw", "some text");
    assertThat(read(Corpus.builder(raw).build()))
        .singleElement()
        .satisfies(document -> {
          assertThat(document.text()).isEqualTo("some text");
          assertThat(document.source()).isEqualTo("wiki.test.raw");
        });
  }

  @Test
  void forEach_otherEncoding_namesTheByte() throws IOException {
    byte[] bytes = "x".repeat(200_000).getBytes(StandardCharsets.UTF_8);
    bytes[150_001] = (byte) 0x93;
    Path file = write("bad.txt", bytes);
    assertBroken(
        Corpus.builder(file),
        file + ": byte 0x93 at offset 150001 is not UTF-8; convert the file to UTF-8");
    Path cut = write("cut.py", new byte[] {'a', 'b', (byte) 0xE3, (byte) 0x81});
    assertBroken(
        Corpus.builder(cut),
        cut + ": byte 0xE3 at offset 2 is not UTF-8; convert the file to UTF-8");
    Path wide = write("wide.txt", "text".getBytes(StandardCharsets.UTF_16));
    assertBroken(
        Corpus.builder(wide),
        wide
            + ": byte 0xFE at offset 0 is not UTF-8, it looks like UTF-16; convert the file to"
            + " UTF-8");
    Path mark =
        write("mark.csv", new byte[] {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF, 'a', (byte) 0x80});
    assertBroken(
        Corpus.builder(mark),
        mark + ": byte 0x80 at offset 4 is not UTF-8; convert the file to UTF-8");
    Path surrogate = write("s.txt", new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80});
    assertBroken(
        Corpus.builder(surrogate),
        surrogate + ": byte 0xED at offset 0 is not UTF-8; convert the file to UTF-8");
  }

  @Test
  void forEach_brokenCsv_namesTheLine() throws IOException {
    Path wide = write("wide.csv", "text,label\n\"two\nlines\",1\na,b,c\n");
    assertBroken(
        Corpus.builder(wide),
        wide + ": line 4: the row has 3 columns, expected 2 as in the header");
    Path narrow = write("narrow.csv", "text,label\na,1\nb\n");
    assertBroken(
        Corpus.builder(narrow),
        narrow + ": line 3: the row has 1 columns, expected 2 as in the header");
    Path quote = write("quote.csv", "text,label\na,1\n\"b\"x,2\n");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> read(Corpus.builder(quote).build()))
        .withMessageStartingWith(quote + ": line 3: the row is broken (");
    Path open = write("open.csv", "text,label\na,1\nb,2\n\"never closed,3\nmore\n");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> read(Corpus.builder(open).build()))
        .withMessageStartingWith(open + ": line 4: the row is broken (");
    Path column = write("column.csv", "label,body\n1,a\n");
    assertBroken(
        Corpus.builder(column),
        column
            + ": has no column \"text\" among \"label\", \"body\"; name the column that holds the"
            + " text");
    Path twice = write("twice.csv", "text,text\n1,a\n");
    assertBroken(
        Corpus.builder(twice),
        twice
            + ": has more than one column \"text\" among \"text\", \"text\"; name the column that"
            + " holds the text");
    Path empty = write("empty.csv", "");
    assertBroken(
        Corpus.builder(empty), empty + ": is empty, expected a row that names the columns");
  }

  @Test
  void forEach_csvOptions_areUsed() throws IOException {
    Path file = write("x.csv", "id;body\n1;\"say \"\"hi\"\"\"\n");
    assertThat(read(Corpus.builder(file).csvTextColumn("body").csvSeparator(';').build()))
        .extracting(Document::text)
        .containsExactly("say \"hi\"");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Corpus.builder(file).csvSeparator('"'))
        .withMessage("Corpus: csvSeparator is U+0022, expected neither a quote nor a line end");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Corpus.builder(file).maxDocumentChars(1))
        .withMessage("Corpus: maxDocumentChars is 1, expected at least 2");
  }

  @Test
  void forEach_visitorThatFails_stops() throws IOException {
    write("a.csv", "text\none\ntwo\n");
    List<String> seen = new ArrayList<>();
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() ->
            Corpus.builder(folder)
                .build()
                .forEach(document -> {
                  seen.add(document.text());
                  throw new IOException("enough");
                }))
        .withMessage("enough");
    assertThat(seen).containsExactly("one");
  }
}
