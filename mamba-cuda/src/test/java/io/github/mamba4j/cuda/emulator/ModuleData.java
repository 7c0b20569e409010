package io.github.mamba4j.cuda.emulator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Constant and global memory that a PTX text declares outside of its entries. */
final class ModuleData {
  private static final Pattern DECLARATION =
      Pattern.compile(
          "(?:\\.visible )?\\.(const|global) (?:\\.align (\\d+) )?\\.(\\w+) ([\\w$%]+)"
              + "((?: ?\\[ ?\\d* ?\\])*) ?(?:= ?(.*))?");
  private static final Pattern DIMENSION = Pattern.compile("\\d+");
  private static final Pattern SEPARATOR = Pattern.compile("[\\s{},]+");

  private final Arena arena = Arena.ofAuto();
  private final List<MemorySegment> segments = new ArrayList<>();

  static boolean declares(Statement statement) {
    return DECLARATION.matcher(statement.text()).matches();
  }

  /** Reserves and fills the memory of a declaration. */
  void add(Statement statement, Scope module) {
    Matcher matcher = DECLARATION.matcher(statement.text());
    Type type = matcher.matches() ? Type.of(matcher.group(3)) : null;
    if (type == null) {
      throw statement.error("is not understood as memory of a type");
    }
    String list = matcher.group(6) == null ? "" : matcher.group(6);
    List<String> values =
        SEPARATOR.splitAsStream(list).filter((String value) -> !value.isEmpty()).toList();
    long count = 1;
    boolean sized = false;
    Matcher dimension = DIMENSION.matcher(matcher.group(5));
    while (dimension.find()) {
      count *= Long.parseLong(dimension.group());
      sized = true;
    }
    count = sized ? count : Math.max(values.size(), 1);
    int align = matcher.group(2) == null ? type.bytes : Integer.parseInt(matcher.group(2));
    MemorySegment segment = arena.allocate(count * type.bytes, align);
    Region region = new Region(segment);
    for (int i = 0; i < values.size(); i++) {
      Long bits = Constants.bits(values.get(i), type);
      if (bits == null || i >= count) {
        throw statement.error("'" + values.get(i) + "' is no constant of this type, or too many");
      }
      region.write(region.base + (long) i * type.bytes, type.bytes, bits);
    }
    boolean constant = matcher.group(1).equals("const");
    segments.add(constant ? segment.asReadOnly() : segment);
    module.declare(
        statement, matcher.group(4), new Scope.Variable(Space.GLOBAL, segment.address()));
  }

  void register(EmulatedMemory memory) {
    segments.forEach(memory::register);
  }

  void forget(EmulatedMemory memory) {
    segments.forEach(memory::forget);
  }
}
