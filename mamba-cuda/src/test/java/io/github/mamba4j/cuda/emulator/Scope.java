package io.github.mamba4j.cuda.emulator;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names between two braces. */
final class Scope {
  /** What a name stands for. */
  sealed interface Symbol {}

  /**
   * A register.
   *
   * @param from the first instruction that may name it
   */
  record Register(int index, Type type, int from) implements Symbol {}

  /** A place among the parameters, in shared or in global memory. */
  record Variable(Space space, long address) implements Symbol {}

  /** The instruction that a label stands before. */
  record Label(int instruction) implements Symbol {}

  private final @Nullable Scope outer;
  private final Map<String, Symbol> names = new HashMap<>();

  Scope(@Nullable Scope outer) {
    this.outer = outer;
  }

  @Nullable Scope outer() {
    return outer;
  }

  void declare(Statement at, String name, Symbol symbol) {
    if (names.put(name, symbol) != null) {
      throw at.error("'" + name + "' is declared twice");
    }
  }

  /** Returns the space of the next variable outside that has a name, or null. */
  @Nullable Space hidden(String name) {
    if (names.get(name) instanceof Variable variable) {
      return variable.space();
    }
    return outer == null ? null : outer.hidden(name);
  }

  /** Returns what a name stands for at an instruction, or null. */
  @Nullable Symbol find(String name, int instruction) {
    Symbol own = names.get(name);
    if (own != null && (!(own instanceof Register register) || register.from() <= instruction)) {
      return own;
    }
    return outer == null ? null : outer.find(name, instruction);
  }
}
