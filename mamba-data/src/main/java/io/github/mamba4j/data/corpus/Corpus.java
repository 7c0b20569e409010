package io.github.mamba4j.data.corpus;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * A corpus: the documents of {@code .txt}, {@code .py} and {@code .csv} files, single ones or whole
 * folder trees, read one after the other and never held together.
 *
 * <p>A {@code .txt} file is one document, or one each paragraph if {@link
 * Builder#splitAtBlankLines} is on; a {@code .py} file is one; a {@code .csv} file is one each row.
 * Documents of white space alone are left out. A document ends after 16 million characters (see
 * {@link Builder#maxDocumentChars}) and the rest of the file becomes the next, so that one file
 * larger than memory can be read.
 *
 * <p>Files come in the order of their paths; hidden ones (a name that starts with a dot) and those
 * of other kinds are skipped (a single file of another name is read as text), a file that several
 * links lead to is read once. Text has to be UTF-8.
 */
public final class Corpus {

  private static final int DEFAULT_MAX_DOCUMENT_CHARS = 1 << 24;

  private final List<Path> roots;
  private final List<FileTree.Entry> files;
  private final String csvColumn;
  private final char csvSeparator;
  private final boolean splitAtBlankLines;
  private final int maxDocumentChars;

  private Corpus(Builder builder, List<FileTree.Entry> files) {
    this.roots = builder.roots;
    this.files = files;
    this.csvColumn = builder.csvColumn;
    this.csvSeparator = builder.csvSeparator;
    this.splitAtBlankLines = builder.splitAtBlankLines;
    this.maxDocumentChars = builder.maxDocumentChars;
  }

  /**
   * Starts a corpus.
   *
   * @param roots files and folders, at least one
   * @return a new builder
   * @throws IllegalArgumentException if there is none
   */
  public static Builder builder(Path... roots) {
    return new Builder(List.of(roots));
  }

  /**
   * The files of the corpus, in the order they are read.
   *
   * @return an unmodifiable list, not empty
   */
  public List<Path> files() {
    return files.stream().map(FileTree.Entry::path).toList();
  }

  /**
   * Reads the corpus from its start and hands over every document, on the calling thread.
   *
   * @param visitor takes each document
   * @throws DataException if a file cannot be read, is not UTF-8 or is a broken CSV, or there is
   *     not a single document; the message has the file and the place
   * @throws IOException if the visitor throws it
   */
  public void forEach(DocumentVisitor visitor) throws IOException {
    long documents = 0;
    for (FileTree.Entry file : files) {
      documents += read(file, visitor);
    }
    if (documents == 0) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: the corpus is empty, its %d files hold no text",
              describe(),
              files.size()));
    }
  }

  private long read(FileTree.Entry file, DocumentVisitor visitor) throws IOException {
    long[] number = {0};
    long[] row = {0};
    switch (file.kind()) {
      case CSV ->
          new CsvFileReader(file.path(), csvColumn, csvSeparator)
              .read(text -> {
                row[0]++;
                if (!text.isBlank()) {
                  number[0]++;
                  visit(file, "#" + row[0], text, visitor);
                }
              });
      case TEXT, PYTHON -> {
        boolean paragraphs = splitAtBlankLines && file.kind() == FileTree.Kind.TEXT;
        new TextFileReader(
                paragraphs,
                maxDocumentChars,
                text -> {
                  number[0]++;
                  String suffix = number[0] > 1 || paragraphs ? "#" + number[0] : "";
                  visit(file, suffix, text, visitor);
                })
            .read(file.path());
      }
      case UNKNOWN -> throw new IllegalStateException("Corpus: a file of unknown kind: " + file);
    }
    return number[0];
  }

  private static void visit(
      FileTree.Entry file, String suffix, String text, DocumentVisitor visitor) throws IOException {
    Language language = file.kind() == FileTree.Kind.PYTHON ? Language.PYTHON : Language.of(text);
    visitor.visit(new Document(text, language, file.name() + suffix));
  }

  private String describe() {
    return String.join(", ", roots.stream().map(Path::toString).toList());
  }

  @Override
  public String toString() {
    return "Corpus[" + describe() + ", files=" + files.size() + "]";
  }

  /** Collects the options of a {@link Corpus}. */
  public static final class Builder {

    private final List<Path> roots;
    private String csvColumn = "text";
    private char csvSeparator = ',';
    private boolean splitAtBlankLines;
    private int maxDocumentChars = DEFAULT_MAX_DOCUMENT_CHARS;

    private Builder(List<Path> roots) {
      if (roots.isEmpty()) {
        throw new IllegalArgumentException("Corpus: roots is empty, expected a file or a folder");
      }
      this.roots = roots;
    }

    /**
     * Sets the column of CSV files that holds the text (default {@code text}).
     *
     * @param name the name of the column, as in the first row
     * @return this
     */
    public Builder csvTextColumn(String name) {
      this.csvColumn = Objects.requireNonNull(name, "Corpus: csvTextColumn must not be null");
      return this;
    }

    /**
     * Sets what separates the columns of CSV files (default a comma).
     *
     * @param separator the separator, not a quote and not a line end
     * @return this
     * @throws IllegalArgumentException if it is a quote or a line end
     */
    public Builder csvSeparator(char separator) {
      if (separator == '"' || separator == '\n' || separator == '\r') {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "Corpus: csvSeparator is U+%04X, expected neither a quote nor a line end",
                (int) separator));
      }
      this.csvSeparator = separator;
      return this;
    }

    /**
     * Sets whether lines of white space alone separate the documents of a {@code .txt} file
     * (default no: the file is one document).
     *
     * @param split whether they do
     * @return this
     */
    public Builder splitAtBlankLines(boolean split) {
      this.splitAtBlankLines = split;
      return this;
    }

    /**
     * Sets how long a document of a {@code .txt} or {@code .py} file may become before it is cut
     * after the last line end within the limit (default 16,777,216).
     *
     * @param chars the number of chars, at least 2
     * @return this
     * @throws IllegalArgumentException if it is too small
     */
    public Builder maxDocumentChars(int chars) {
      if (chars < 2) {
        throw new IllegalArgumentException(
            "Corpus: maxDocumentChars is " + chars + ", expected at least 2");
      }
      this.maxDocumentChars = chars;
      return this;
    }

    /**
     * Finds the files; none is read yet.
     *
     * @return the corpus
     * @throws DataException if a root does not exist or is no regular file, a folder cannot be
     *     read, or there is no file to read
     * @throws IOException if the folders cannot be searched otherwise
     */
    public Corpus build() throws IOException {
      List<FileTree.Entry> files = List.copyOf(FileTree.find(roots));
      Corpus corpus = new Corpus(this, files);
      if (files.isEmpty()) {
        throw new DataException(
            corpus.describe() + ": the corpus is empty, no .txt, .py or .csv file is there");
      }
      return corpus;
    }
  }
}
