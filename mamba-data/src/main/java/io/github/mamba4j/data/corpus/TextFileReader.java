package io.github.mamba4j.data.corpus;

import java.io.IOException;
import java.nio.file.Path;

/** Cuts the text of a file into documents, without holding more than one of them. */
final class TextFileReader {

  /** Takes the text of each document. */
  @FunctionalInterface
  interface TextVisitor {
    void visit(String text) throws IOException;
  }

  private static final int BUFFER_CHARS = 1 << 15;

  private final boolean splitAtBlankLines;
  private final int maxDocumentChars;
  private final TextVisitor visitor;

  private final StringBuilder document = new StringBuilder();

  /** Where the line that is being read starts in the document. */
  private int lineStart;

  TextFileReader(boolean splitAtBlankLines, int maxDocumentChars, TextVisitor visitor) {
    this.splitAtBlankLines = splitAtBlankLines;
    this.maxDocumentChars = maxDocumentChars;
    this.visitor = visitor;
  }

  void read(Path file) throws IOException {
    char[] buffer = new char[BUFFER_CHARS];
    try (Utf8Reader reader = new Utf8Reader(file)) {
      for (int n = reader.read(buffer, 0, BUFFER_CHARS);
          n >= 0;
          n = reader.read(buffer, 0, BUFFER_CHARS)) {
        append(buffer, n);
      }
    }
    emit(document.length());
  }

  private void append(char[] buffer, int length) throws IOException {
    int from = 0;
    for (int i = 0; i < length; i++) {
      if (buffer[i] == '\n') {
        document.append(buffer, from, i + 1 - from);
        from = i + 1;
        endLine();
      }
    }
    document.append(buffer, from, length - from);
    while (document.length() > maxDocumentChars) {
      cut();
    }
  }

  private void endLine() throws IOException {
    if (splitAtBlankLines && document.substring(lineStart).isBlank()) {
      document.setLength(lineStart);
      emit(lineStart);
    }
    lineStart = document.length();
    if (lineStart > maxDocumentChars) {
      cut();
    }
  }

  /** Ends the document at its last line end within the limit, or in the middle of a long line. */
  private void cut() throws IOException {
    int at = document.lastIndexOf("\n", maxDocumentChars - 1) + 1;
    if (at == 0) {
      at = maxDocumentChars;
      if (Character.isHighSurrogate(document.charAt(at - 1))) {
        at--;
      }
    }
    emit(at);
  }

  private void emit(int length) throws IOException {
    String text = document.substring(0, length);
    document.delete(0, length);
    lineStart = Math.max(0, lineStart - length);
    if (!text.isBlank()) {
      visitor.visit(text);
    }
  }
}
