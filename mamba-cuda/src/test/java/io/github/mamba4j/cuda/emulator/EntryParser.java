package io.github.mamba4j.cuda.emulator;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Decodes an entry: first its names, then, since labels may come later, its instructions. */
final class EntryParser {
  private static final Pattern HEADER =
      Pattern.compile("(?:\\.(?:visible|weak) )?\\.entry ([\\w$]+) ?(?:\\((.*?)\\))?(.*)");
  private static final Pattern PARAMETER =
      Pattern.compile(
          "\\.param (?:\\.align (\\d+) )?\\.(\\w+)(?: \\.ptr.*?)? ([\\w$]+) ?(?:\\[ ?(\\d+)"
              + " ?\\])?");
  private static final Pattern THREADS =
      Pattern.compile("\\.(?:maxntid|reqntid) (\\d+)(?: ?, ?(\\d+))?(?: ?, ?(\\d+))?");
  private static final Pattern REGISTERS = Pattern.compile("\\.reg \\.(\\w+) (.+)");
  private static final Pattern RANGE = Pattern.compile("([\\w$%]+) ?< ?(\\d+) ?>");
  private static final Pattern SHARED =
      Pattern.compile("(\\.extern )?\\.shared (?:\\.align (\\d+) )?\\.(\\w+) (.+)");
  private static final Pattern ARRAY = Pattern.compile("([\\w$%]+)((?: ?\\[ ?\\d* ?\\])*)");
  private static final Pattern DIMENSION = Pattern.compile("\\[ ?(\\d*) ?\\]");

  /** The most shared memory that a kernel may declare. */
  private static final int MAX_STATIC_SHARED = 48 << 10;

  private static final int MAX_THREADS = 1024;

  /** An instruction and the scope that its names are looked up in. */
  private record Pending(Statement statement, Scope scope) {}

  private final Statement header;
  private final List<Statement> body;
  private final String name;
  private final Map<Integer, Long> constants = new HashMap<>();
  private final Map<String, Integer> constantNames = new HashMap<>();
  private final Map<Integer, String> specials = new HashMap<>();
  private final Map<String, Integer> specialNames = new HashMap<>();
  private final List<Entry.Parameter> parameters = new ArrayList<>();
  private final Map<Integer, String> names = new HashMap<>();
  private final List<Pending> pending = new ArrayList<>();
  private final Map<String, Statement> dynamicShared = new HashMap<>();
  private Scope scope;
  private int registers;
  private int shared;
  private int sharedGranule = 4;
  private int globalGranule = 4;

  /**
   * Takes an entry apart.
   *
   * @param module the names outside of entries
   * @param moduleShared declarations of shared memory outside of entries
   */
  EntryParser(Statement header, List<Statement> body, Scope module, List<Statement> moduleShared) {
    this.header = header;
    this.body = body;
    Matcher matcher = matcher(header);
    this.name = matcher.group(1);
    this.scope = new Scope(module);
    moduleShared.forEach(this::declareShared);
    if (matcher.group(2) != null) {
      declareParameters(matcher.group(2));
    }
  }

  private static Matcher matcher(Statement header) {
    Matcher matcher = HEADER.matcher(header.text());
    if (!matcher.matches()) {
      throw header.error("is not understood as the head of an entry");
    }
    return matcher;
  }

  /** Returns the name of the entry that a head begins. */
  static String name(Statement header) {
    return matcher(header).group(1);
  }

  Entry parse() {
    body.forEach(this::survey);
    Scope outermost = scope;
    placeDynamicShared(outermost);
    Instruction[] code = new Instruction[pending.size() + 1];
    for (int i = 0; i < pending.size(); i++) {
      Pending instruction = pending.get(i);
      code[i] = new Site(instruction.statement(), instruction.scope(), i, this).decode();
    }
    Statement end = new Statement(Statement.Kind.TEXT, header.line(), "ret");
    code[pending.size()] = new Site(end, outermost, pending.size(), this).decode();
    if (shared > MAX_STATIC_SHARED) {
      throw header.error("declares " + shared + " bytes of shared memory, more than 48 KiB");
    }
    Entry.Limits limits = new Entry.Limits(maxThreads(), sharedGranule, globalGranule);
    int bytes = Entry.end(parameters);
    return new Entry(
        name, List.of(code), registers, constants, specials, bytes, shared, limits, names);
  }

  private int maxThreads() {
    Matcher matcher = THREADS.matcher(header.text());
    if (!matcher.find()) {
      return MAX_THREADS;
    }
    int threads = 1;
    for (int i = 1; i <= 3; i++) {
      threads *= matcher.group(i) == null ? 1 : Integer.parseInt(matcher.group(i));
    }
    return threads;
  }

  private void declareParameters(String list) {
    for (String text : list.split(",", -1)) {
      Matcher matcher = PARAMETER.matcher(text.strip());
      Type type = matcher.matches() ? Type.of(matcher.group(2)) : null;
      if (type == null) {
        if (text.isBlank()) {
          continue;
        }
        throw header.error("parameter '" + text.strip() + "' is not understood");
      }
      int align = matcher.group(1) == null ? type.bytes : Integer.parseInt(matcher.group(1));
      int count = matcher.group(4) == null ? 1 : Integer.parseInt(matcher.group(4));
      int offset = Math.ceilDiv(Entry.end(parameters), align) * align;
      parameters.add(new Entry.Parameter(matcher.group(3), offset, count * type.bytes));
      scope.declare(header, matcher.group(3), new Scope.Variable(Space.PARAM, offset));
    }
  }

  private void survey(Statement statement) {
    switch (statement.kind()) {
      case OPEN -> scope = new Scope(scope);
      case CLOSE -> {
        Scope outer = scope.outer();
        scope = outer == null ? scope : outer;
      }
      case LABEL -> scope.declare(statement, statement.text(), new Scope.Label(pending.size()));
      case TEXT -> {
        if (statement.text().startsWith(".")) {
          directive(statement);
        } else {
          pending.add(new Pending(statement, scope));
        }
      }
    }
  }

  private void directive(Statement statement) {
    String text = statement.text();
    if (text.startsWith(".reg ")) {
      declareRegisters(statement);
    } else if (text.startsWith(".shared ") || text.startsWith(".extern .shared ")) {
      declareShared(statement);
    } else if (!text.startsWith(".pragma") && !text.startsWith(".loc ")) {
      throw statement.error("is a directive that is not supported");
    }
  }

  private void declareRegisters(Statement statement) {
    Matcher matcher = REGISTERS.matcher(statement.text());
    Type type = matcher.matches() ? Type.of(matcher.group(1)) : null;
    if (type == null) {
      throw statement.error("is not understood as registers of a type");
    }
    if (type.bits == 8 || (type.kind == Type.Kind.PACKED && type != Type.F16X2)) {
      throw statement.error("there are no registers of this type; use bits");
    }
    for (String part : matcher.group(2).split(",", -1)) {
      Matcher range = RANGE.matcher(part.strip());
      if (range.matches()) {
        for (int i = 0; i < Integer.parseInt(range.group(2)); i++) {
          declareRegister(statement, range.group(1) + i, type);
        }
      } else {
        declareRegister(statement, part.strip(), type);
      }
    }
  }

  private void declareRegister(Statement statement, String register, Type type) {
    names.put(registers, register);
    scope.declare(statement, register, new Scope.Register(registers++, type, pending.size()));
  }

  private void declareShared(Statement statement) {
    Matcher matcher = SHARED.matcher(statement.text());
    Type type = matcher.matches() ? Type.of(matcher.group(3)) : null;
    if (type == null) {
      throw statement.error("is not understood as shared memory");
    }
    int align = matcher.group(2) == null ? type.bytes : Integer.parseInt(matcher.group(2));
    for (String declared : matcher.group(4).split(",", -1)) {
      Matcher array = ARRAY.matcher(declared.strip());
      if (!array.matches()) {
        throw statement.error("'" + declared + "' is no name of shared memory");
      }
      if (matcher.group(1) != null) {
        dynamicShared.put(array.group(1), statement);
      } else {
        placeShared(statement, array, align, type.bytes);
      }
    }
  }

  private void placeShared(Statement statement, Matcher array, int align, int elementBytes) {
    int bytes = elementBytes;
    Matcher dimension = DIMENSION.matcher(array.group(2));
    while (dimension.find()) {
      bytes *= Integer.parseInt(dimension.group(1));
    }
    shared = Math.ceilDiv(shared, align) * align;
    long address = (long) SharedMemory.BASE + shared;
    scope.declare(statement, array.group(1), new Scope.Variable(Space.SHARED, address));
    shared += bytes;
  }

  /** Puts dynamic shared memory behind what is declared, wherever it was named. */
  private void placeDynamicShared(Scope outermost) {
    if (!dynamicShared.isEmpty()) {
      shared = Math.ceilDiv(shared, SharedMemory.DYNAMIC_ALIGN) * SharedMemory.DYNAMIC_ALIGN;
    }
    long address = (long) SharedMemory.BASE + shared;
    dynamicShared.forEach(
        (symbol, at) -> outermost.declare(at, symbol, new Scope.Variable(Space.SHARED, address)));
  }

  /** Returns the register that holds a constant. */
  int constant(long value, boolean predicate) {
    return constantNames.computeIfAbsent(
        predicate + ":" + value,
        (String key) -> {
          constants.put(registers, predicate && value != 0 ? -1 : value);
          return registers++;
        });
  }

  /** Returns what a register holds that stands for a constant. */
  long constantValue(int register) {
    return constants.get(register);
  }

  /** Returns the register that holds a special register. */
  int special(String register) {
    return specialNames.computeIfAbsent(
        register,
        (String key) -> {
          specials.put(registers, key);
          return registers++;
        });
  }

  /** Takes note of the size of an access. */
  void touches(Space space, int bytes) {
    if (space != Space.GLOBAL) {
      sharedGranule = Math.min(sharedGranule, bytes);
    }
    if (space != Space.SHARED) {
      globalGranule = Math.min(globalGranule, bytes);
    }
  }

  /** Returns the place of a parameter, or null where its offset lies outside of all. */
  Entry.@Nullable Parameter parameter(long offset) {
    for (Entry.Parameter parameter : parameters) {
      if (offset >= parameter.offset() && offset < parameter.offset() + parameter.bytes()) {
        return parameter;
      }
    }
    return null;
  }
}
