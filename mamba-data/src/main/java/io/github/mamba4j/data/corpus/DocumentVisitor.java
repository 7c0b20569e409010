package io.github.mamba4j.data.corpus;

import java.io.IOException;

/** Takes the documents of a corpus, one after the other. */
@FunctionalInterface
public interface DocumentVisitor {

  /**
   * Takes one document.
   *
   * @param document the document
   * @throws IOException to stop: the exception reaches whoever reads the corpus
   */
  void visit(Document document) throws IOException;
}
