package io.github.mamba4j.cuda.emulator;

/**
 * A piece of PTX text: a brace that opens or closes a scope, a label, or a directive or instruction
 * without its semicolon.
 *
 * @param line its number in the text, from 1
 */
record Statement(Kind kind, int line, String text) {
  /** What a statement is. */
  enum Kind {
    OPEN,
    CLOSE,
    LABEL,
    TEXT
  }

  /** Returns the exception for something that cannot be understood or run. */
  IllegalArgumentException error(String problem) {
    return new IllegalArgumentException("PTX line " + line + ": '" + text + "': " + problem);
  }
}
