package io.github.mamba4j.cuda.emulator;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An instruction as it is written, while it is decoded. Whoever decodes it asks for modifiers and
 * operands; a modifier that nobody asked for is an error, so that none is skipped in silence.
 */
final class Site {
  private static final Pattern GUARDED = Pattern.compile("@ ?(!?) ?([\\w$%]+) (.*)");
  private static final Pattern ADDRESS =
      Pattern.compile("\\[ ?([\\w$%.]+) ?(?:\\+ ?(-?\\w+))? ?\\]");
  private static final Pattern SUM = Pattern.compile("([\\w$%]+) ?\\+ ?(-?\\w+)");
  private static final Set<String> SPECIALS =
      Set.of(
          "%tid.x %tid.y %tid.z %ntid.x %ntid.y %ntid.z %ctaid.x %ctaid.y %ctaid.z %nctaid.x"
              .concat(" %nctaid.y %nctaid.z %laneid %warpid %nwarpid %dynamic_smem_size")
              .concat(" %lanemask_eq %lanemask_lt %lanemask_le %lanemask_gt %lanemask_ge WARP_SZ")
              .split(" "));

  /**
   * The place that a memory instruction names.
   *
   * @param register holds the address that the offset is added to
   * @param space where a name lies, generic if a register holds the address
   */
  record Address(int register, long offset, Space space, int bits) {}

  final Statement statement;
  final String op;
  final List<String> operands;
  private final List<String> modifiers;
  private final Set<String> asked = new HashSet<>();
  private final List<Type> types = new ArrayList<>();
  private final Scope scope;
  private final int index;
  private final EntryParser entry;
  private final List<Integer> reads = new ArrayList<>();
  private final List<Integer> writes = new ArrayList<>();
  private String guard = "";
  private boolean guardNegated;

  Site(Statement statement, Scope scope, int index, EntryParser entry) {
    this.statement = statement;
    this.scope = scope;
    this.index = index;
    this.entry = entry;
    String text = statement.text();
    Matcher guarded = GUARDED.matcher(text);
    if (guarded.matches()) {
      guardNegated = !guarded.group(1).isEmpty();
      guard = guarded.group(2);
      text = guarded.group(3);
    }
    int space = text.indexOf(' ');
    String[] parts = (space < 0 ? text : text.substring(0, space)).split("\\.", -1);
    op = parts[0];
    modifiers = List.of(parts).subList(1, parts.length);
    for (String modifier : modifiers) {
      Type type = Type.of(modifier);
      if (type != null) {
        types.add(type);
        asked.add(modifier);
      }
    }
    operands = space < 0 ? List.of() : split(text.substring(space + 1));
  }

  /** Cuts a list at the commas outside of braces and brackets. */
  static List<String> split(String list) {
    List<String> parts = new ArrayList<>();
    int depth = 0;
    int from = 0;
    for (int i = 0; i < list.length(); i++) {
      char c = list.charAt(i);
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      if (c == ',' && depth == 0) {
        parts.add(list.substring(from, i).strip());
        from = i + 1;
      }
    }
    parts.add(list.substring(from).strip());
    return parts;
  }

  Instruction decode() {
    Instruction instruction = InstructionSet.decode(this);
    for (String modifier : modifiers) {
      if (!asked.contains(modifier)) {
        throw error("modifier ." + modifier + " is not supported here");
      }
    }
    instruction.source = statement;
    if (!guard.isEmpty()) {
      instruction.guard = predicate(guard);
      instruction.guardNegated = guardNegated;
      reads.removeLast(); // Checked for all lanes, not only for those that it lets pass.
    }
    instruction.reads = reads.stream().distinct().mapToInt(Integer::intValue).toArray();
    instruction.writes = writes.stream().mapToInt(Integer::intValue).toArray();
    return instruction;
  }

  IllegalArgumentException error(String problem) {
    return statement.error(problem);
  }

  /** Returns whether the instruction has a modifier. */
  boolean has(String modifier) {
    boolean has = modifiers.contains(modifier);
    if (has) {
      asked.add(modifier);
    }
    return has;
  }

  /** Returns the one of some modifiers that the instruction has, or an empty text. */
  String oneOf(String... choice) {
    for (String modifier : choice) {
      if (has(modifier)) {
        return modifier;
      }
    }
    return "";
  }

  /** Takes modifiers that make no difference here. */
  void ignore(String... names) {
    asked.addAll(List.of(names));
  }

  /** Takes modifiers that make no difference here, by their beginning. */
  void ignoreStarting(String beginning) {
    modifiers.stream().filter((String m) -> m.startsWith(beginning)).forEach(asked::add);
  }

  /** Returns the modifier in a place, counted from the name on. */
  String modifier(int place) {
    if (place >= modifiers.size()) {
      throw error("has too few modifiers");
    }
    asked.add(modifiers.get(place));
    return modifiers.get(place);
  }

  List<Type> types() {
    return types;
  }

  /** Returns the type that the instruction ends with. */
  Type type() {
    if (types.isEmpty()) {
      throw error("has no type");
    }
    return types.getLast();
  }

  void expectOperands(int least, int most) {
    if (operands.size() < least || operands.size() > most) {
      throw error("has " + operands.size() + " operands, expected " + least + " to " + most);
    }
  }

  private Scope.Register register(String name) {
    if (scope.find(name, index) instanceof Scope.Register register) {
      return register;
    }
    throw error("'" + name + "' is no register here");
  }

  private void check(String name, Type register, Type type, boolean wide) {
    if (!(wide ? register.holds(type) : register.agreesWith(type))) {
      throw error("'" + name + "' is of type " + lower(register) + ", expected " + lower(type));
    }
  }

  private static String lower(Type type) {
    return "." + type.name().toLowerCase(Locale.ROOT);
  }

  /** Returns the register of an operand that is written. */
  int target(String name, Type type) {
    return target(name, type, false);
  }

  /** Returns the register of an operand that is written, which may be wider than the type. */
  int target(String name, Type type, boolean wide) {
    if (name.equals("_")) {
      return entry.constant(SINK, false);
    }
    Scope.Register register = register(name);
    check(name, register.type(), type, wide);
    writes.add(register.index());
    return register.index();
  }

  /** A constant whose register takes what nobody wants. */
  private static final long SINK = 0x5EED_5EED_0BAD_0BADL;

  /** Demands that a vector does not have floats beside integers; bits may stand with both. */
  void expectOneType(List<String> names) {
    long count =
        names.stream()
            .filter((String name) -> scope.find(name, index) instanceof Scope.Register)
            .filter((String name) -> declared(name).kind != Type.Kind.BITS)
            .map((String name) -> declared(name).isFloat())
            .distinct()
            .count();
    if (count > 1) {
      throw error("the registers " + names + " have different types");
    }
  }

  /** Returns a register's declared type. */
  Type declared(String name) {
    return register(name).type();
  }

  /** Returns the register of an operand that is read: its own, a constant's or a special one. */
  int source(String name, Type type) {
    return source(name, type, false);
  }

  /** Returns the register of an operand that is read, which may be wider than the type. */
  int source(String name, Type type, boolean wide) {
    Scope.Symbol symbol = scope.find(name, index);
    if (symbol instanceof Scope.Register register) {
      check(name, register.type(), type, wide);
      reads.add(register.index());
      return register.index();
    }
    boolean moves = op.equals("mov") || op.equals("cvta");
    Matcher sum = SUM.matcher(name);
    if (moves && type.isInteger() && type.bits >= 32) {
      Scope.Symbol base = sum.matches() ? scope.find(sum.group(1), index) : symbol;
      long offset = sum.matches() ? Constants.integer(sum.group(2)) : 0;
      if (base instanceof Scope.Variable variable) {
        return entry.constant(variable.address() + offset, false);
      }
    }
    if (moves && SPECIALS.contains(name)) {
      int dot = name.indexOf('.');
      if (dot > 0 && scope.find(name.substring(0, dot), index) != null) {
        throw error("register '" + name.substring(0, dot) + "' hides the special one");
      }
      return entry.special(name);
    }
    return entry.constant(constant(name, type), type == Type.PRED);
  }

  /** Returns the bits of a constant operand. */
  long constant(String text, Type type) {
    Long bits = Constants.bits(text, type);
    if (bits == null) {
      throw error("'" + text + "' is no register and no constant of type " + lower(type));
    }
    return bits;
  }

  /** Returns an operand that has to be a constant. */
  int immediate(String text) {
    return (int) constant(text, Type.B32);
  }

  /** Returns the register of a predicate that is read. */
  int predicate(String name) {
    return source(name, Type.PRED);
  }

  /** Returns whether an operand is a predicate. */
  boolean isPredicate(String name) {
    return scope.find(name, index) instanceof Scope.Register register
        && register.type() == Type.PRED;
  }

  /** Returns the elements of a vector in braces, or the operand alone. */
  static List<String> elements(String operand) {
    if (!operand.startsWith("{")) {
      return List.of(operand);
    }
    String inner = operand.substring(1, operand.length() - 1);
    return Stream.of(inner.split(",", -1)).map(String::strip).toList();
  }

  /** Returns the place that an operand in brackets names. */
  Address address(String operand) {
    Matcher matcher = ADDRESS.matcher(operand);
    if (!matcher.matches()) {
      throw error("'" + operand + "' is no address");
    }
    long offset = matcher.group(2) == null ? 0 : Constants.integer(matcher.group(2));
    String name = matcher.group(1);
    Scope.Symbol symbol = scope.find(name, index);
    if (symbol instanceof Scope.Register register) {
      if (!register.type().isInteger() || register.type().bits < 32) {
        throw error("'" + name + "' is no register for addresses");
      }
      reads.add(register.index());
      Space hidden = scope.hidden(name);
      if (hidden == Space.PARAM && has("param")) {
        throw error("register '" + name + "' hides the parameter of this name");
      }
      return new Address(register.index(), offset, Space.GENERIC, register.type().bits);
    }
    if (symbol instanceof Scope.Variable variable) {
      int base = entry.constant(variable.address(), false);
      return new Address(base, offset, variable.space(), 64);
    }
    throw error("'" + name + "' is no address that is known");
  }

  /** Takes note of the size of an access, for the checks of races. */
  void touches(Space space, int bytes) {
    entry.touches(space, bytes);
  }

  /** Returns the parameter at an offset. */
  Entry.Parameter parameter(long offset) {
    Entry.Parameter parameter = entry.parameter(offset);
    if (parameter == null) {
      throw error("reads past the parameters");
    }
    return parameter;
  }

  long constantValue(int register) {
    return entry.constantValue(register);
  }

  /** Returns the instruction that a label stands before. */
  int label(String name) {
    if (scope.find(name, index) instanceof Scope.Label label) {
      return label.instruction();
    }
    throw error("there is no label '" + name + "' in this scope");
  }
}
