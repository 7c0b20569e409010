package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the pickle of a PyTorch state dict, protocol 2, and executes nothing: the four kinds of
 * object that a state dict consists of are built here, every other class or function that the
 * pickle names is refused.
 *
 * <p>Values on the stack: {@link Long}, {@link Double}, {@link Boolean}, {@link String}, {@link
 * Simple}, {@link Tuple}, {@link Dict}, {@link Global}, {@link TorchStorage} and {@link
 * TorchTensor}. Values and memo entries are counted and limited, strings and integers too, and no
 * step recurses: a hostile pickle costs bounded memory and time.
 */
final class PickleReader {

  /** Larger than the pickle of any model: a tensor takes about 120 bytes. */
  static final int MAX_BYTES = 16 << 20;

  /** Values and memo entries; a tensor makes about 30. */
  static final int MAX_VALUES = 2_000_000;

  private static final int MAX_STRING_BYTES = 10_000;
  private static final int PROTOCOL = 2;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  /** A class or function that may be named. */
  private record Global(String module, String name) {

    boolean is(String otherModule, String otherName) {
      return module.equals(otherModule) && name.equals(otherName);
    }
  }

  /** Values of which nothing more is needed; what a list or set holds is not kept. */
  private enum Simple {
    NONE,
    LIST
  }

  /** An immutable row of values. */
  private record Tuple(List<Object> items) {

    static final Tuple EMPTY = new Tuple(List.of());
  }

  /** A dict or OrderedDict; a class of its own so that it is never hashed or printed. */
  private static final class Dict {

    private @Nullable Map<Object, Object> members;

    Map<Object, Object> members() {
      return members == null ? Map.of() : members;
    }

    @Nullable Object put(Object key, Object value) {
      if (members == null) {
        members = new LinkedHashMap<>();
      }
      return members.put(key, value);
    }
  }

  private final ByteCursor in;
  private final ArrayList<Object> stack = new ArrayList<>();
  private final ArrayList<Integer> marks = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private int values;

  private PickleReader(ByteCursor in) {
    this.in = in;
  }

  /**
   * Reads a state dict.
   *
   * @param source the file, for messages
   * @param pickle the bytes
   * @return the tensors by name in the order of the dict
   */
  static Map<String, TorchTensor> readStateDict(String source, MemorySegment pickle)
      throws CheckpointException {
    if (pickle.byteSize() > MAX_BYTES) {
      throw CheckpointException.of(
          source,
          "pickle has %d bytes, expected at most %d for a state dict",
          pickle.byteSize(),
          MAX_BYTES);
    }
    PickleReader reader = new PickleReader(new ByteCursor(source + ": pickle", pickle, 0));
    Object top = reader.run();
    if (!(top instanceof Dict dict)) {
      throw CheckpointException.of(
          source, "pickle holds %s, expected a dict from name to tensor", describe(top));
    }
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<Object, Object> member : dict.members().entrySet()) {
      if (!(member.getKey() instanceof String name)) {
        throw CheckpointException.of(
            source, "pickle has the key %s, expected names of tensors", member.getKey());
      }
      if (!(member.getValue() instanceof TorchTensor tensor)) {
        throw CheckpointException.of(
            source,
            "pickle entry %s is %s, expected a tensor",
            CheckpointException.printable(name),
            describe(member.getValue()));
      }
      tensors.put(name, tensor);
    }
    return tensors;
  }

  private Object run() throws CheckpointException {
    while (true) {
      int opcode = in.u8("opcode");
      if (opcode == '.') {
        Object top = pop();
        if (!stack.isEmpty() || !marks.isEmpty() || in.remaining() != 0) {
          throw in.bad("STOP comes before the end, expected one value and nothing after it");
        }
        return top;
      }
      if (!readValue(opcode) && !readContainer(opcode) && !readObject(opcode)) {
        throw in.bad("opcode 0x%02x is none of a protocol 2 state dict", opcode);
      }
    }
  }

  private boolean readValue(int opcode) throws CheckpointException {
    switch (opcode) {
      case 'N' -> push(Simple.NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) in.i32("BININT"));
      case 'K' -> push((long) in.u8("BININT1"));
      case 'M' -> push((long) in.u16("BININT2"));
      case 0x8a -> push(readLong(in.u8("LONG1")));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.i64("BINFLOAT"))));
      case 'X' -> push(in.utf8(in.u32("BINUNICODE"), MAX_STRING_BYTES, "BINUNICODE"));
      case 'U' -> push(in.utf8(in.u8("SHORT_BINSTRING"), MAX_STRING_BYTES, "SHORT_BINSTRING"));
      case ')' -> push(Tuple.EMPTY);
      case ']', 0x8f -> push(Simple.LIST);
      case '}' -> push(new Dict());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean readContainer(int opcode) throws CheckpointException {
    switch (opcode) {
      case '(' -> {
        count();
        marks.add(stack.size());
      }
      case 't' -> push(tuple(popToMark()));
      case 0x85 -> push(tuple(popLast(1)));
      case 0x86 -> push(tuple(popLast(2)));
      case 0x87 -> push(tuple(popLast(3)));
      case 'a' -> append(popLast(1));
      case 'e' -> append(popToMark());
      case 's' -> setItems(popLast(2));
      case 'u' -> setItems(popToMark());
      case 'q' -> memoize(in.u8("BINPUT"));
      case 'r' -> memoize(in.i32("LONG_BINPUT"));
      case 'h' -> recall(in.u8("BINGET"));
      case 'j' -> recall(in.i32("LONG_BINGET"));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean readObject(int opcode) throws CheckpointException {
    switch (opcode) {
      case 0x80 -> {
        int protocol = in.u8("protocol");
        if (protocol != PROTOCOL) {
          throw in.bad("has protocol %d, expected %d", protocol, PROTOCOL);
        }
      }
      case 'c' -> push(readGlobal());
      case 'R' -> reduce();
      case 0x81 -> create();
      case 'b' -> build();
      case 'Q' -> push(storage(pop()));
      default -> {
        return false;
      }
    }
    return true;
  }

  private void push(Object value) throws CheckpointException {
    count();
    stack.add(value);
  }

  private void count() throws CheckpointException {
    if (++values > MAX_VALUES) {
      throw in.bad("makes more than %d values, too many for a state dict", MAX_VALUES);
    }
  }

  private Object pop() throws CheckpointException {
    return popLast(1).getFirst();
  }

  private List<Object> popLast(int count) throws CheckpointException {
    int floor = marks.isEmpty() ? 0 : marks.getLast();
    return popFrom(stack.size() - count, floor);
  }

  private List<Object> popToMark() throws CheckpointException {
    if (marks.isEmpty()) {
      throw in.bad("takes values up to a MARK, but there is none");
    }
    int mark = marks.removeLast();
    return popFrom(mark, mark);
  }

  private List<Object> popFrom(int first, int floor) throws CheckpointException {
    if (first < floor) {
      throw in.bad("takes more values from the stack than there are");
    }
    List<Object> tail = stack.subList(first, stack.size());
    List<Object> popped = List.copyOf(tail);
    tail.clear();
    return popped;
  }

  private Object peek() throws CheckpointException {
    int floor = marks.isEmpty() ? 0 : marks.getLast();
    if (stack.size() <= floor) {
      throw in.bad("looks at an empty stack");
    }
    return stack.getLast();
  }

  private static Tuple tuple(List<Object> items) {
    return items.isEmpty() ? Tuple.EMPTY : new Tuple(items);
  }

  /** Little-endian two's complement of any length; more than 64 bits have no use here. */
  private long readLong(int bytes) throws CheckpointException {
    if (bytes > Long.BYTES) {
      throw in.bad("integer has %d bytes, expected at most 8", bytes);
    }
    MemorySegment digits = in.take(bytes, "LONG1");
    ByteBuffer wide = ByteBuffer.allocate(Long.BYTES);
    byte sign = bytes > 0 && digits.get(BYTE, bytes - 1) < 0 ? (byte) -1 : 0;
    for (int i = 0; i < Long.BYTES; i++) {
      wide.put(Long.BYTES - 1 - i, i < bytes ? digits.get(BYTE, i) : sign);
    }
    return wide.getLong(0);
  }

  private void append(List<Object> items) throws CheckpointException {
    if (peek() != Simple.LIST) {
      throw in.bad("appends %d values to %s, expected a list", items.size(), describe(peek()));
    }
  }

  private void setItems(List<Object> items) throws CheckpointException {
    if (!(peek() instanceof Dict dict)) {
      throw in.bad("sets items of %s, expected a dict", describe(peek()));
    }
    if (items.size() % 2 != 0) {
      throw in.bad("sets %d items, expected pairs of key and value", items.size());
    }
    for (int i = 0; i < items.size(); i += 2) {
      Object key = items.get(i);
      if (!(key instanceof String) && !(key instanceof Long)) {
        throw in.bad("uses %s as a key, expected a string", describe(key));
      }
      if (dict.put(key, items.get(i + 1)) != null) {
        throw in.bad("sets the key %s twice", CheckpointException.printable(key.toString()));
      }
    }
  }

  private void memoize(int index) throws CheckpointException {
    count();
    memo.put(index, peek());
  }

  private void recall(int index) throws CheckpointException {
    Object value = memo.get(index);
    if (value == null) {
      throw in.bad("recalls the value %s, which was never kept", Integer.toUnsignedString(index));
    }
    push(value);
  }

  private Global readGlobal() throws CheckpointException {
    Global global = new Global(readLine(), readLine());
    boolean known =
        global.is("collections", "OrderedDict")
            || global.is("torch._utils", "_rebuild_tensor_v2")
            || global.is("torch._utils", "_rebuild_parameter")
            || (global.module().equals("torch") && TorchStorage.typeOf(global.name()) != null);
    if (!known) {
      throw in.bad(
          "names %s.%s, which no state dict of plain tensors needs; it was not executed",
          CheckpointException.printable(global.module()),
          CheckpointException.printable(global.name()));
    }
    return global;
  }

  private String readLine() throws CheckpointException {
    byte[] line = new byte[256];
    for (int length = 0; length < line.length; length++) {
      int c = in.u8("GLOBAL");
      if (c == '\n') {
        return new String(line, 0, length, StandardCharsets.ISO_8859_1);
      }
      line[length] = (byte) c;
    }
    throw in.bad("GLOBAL has a name of more than %d bytes", line.length);
  }

  private void reduce() throws CheckpointException {
    List<Object> call = popLast(2);
    List<Object> args = arguments(call.getLast());
    Object callee = call.getFirst();
    if (callee instanceof Global global && global.is("torch._utils", "_rebuild_tensor_v2")) {
      push(rebuildTensor(args));
    } else if (callee instanceof Global global
        && global.is("torch._utils", "_rebuild_parameter")
        && !args.isEmpty()
        && args.getFirst() instanceof TorchTensor tensor) {
      push(tensor);
    } else {
      push(emptyDict(callee, args));
    }
  }

  private void create() throws CheckpointException {
    List<Object> call = popLast(2);
    push(emptyDict(call.getFirst(), arguments(call.getLast())));
  }

  private List<Object> arguments(Object value) throws CheckpointException {
    if (value instanceof Tuple(List<Object> items)) {
      return items;
    }
    throw in.bad("calls with %s, expected a tuple of arguments", describe(value));
  }

  /** {@code OrderedDict()}, the only class that is called; members come by SETITEMS. */
  private Dict emptyDict(Object callee, List<Object> args) throws CheckpointException {
    if (callee instanceof Global global
        && global.is("collections", "OrderedDict")
        && args.isEmpty()) {
      return new Dict();
    }
    throw in.bad(
        "calls %s with %d arguments, expected OrderedDict() or a tensor",
        describe(callee), args.size());
  }

  /** The state of a dict is its version metadata, which nothing here needs. */
  private void build() throws CheckpointException {
    pop();
    if (!(peek() instanceof Dict)) {
      throw in.bad("gives state to %s, expected a dict", describe(peek()));
    }
  }

  private TorchTensor rebuildTensor(List<Object> args) throws CheckpointException {
    if (args.size() >= 4
        && args.get(0) instanceof TorchStorage storage
        && args.get(1) instanceof Long offset
        && args.get(2) instanceof Tuple shape
        && args.get(3) instanceof Tuple strides) {
      return new TorchTensor(storage, offset, integers(shape), integers(strides));
    }
    throw in.bad(
        "rebuilds a tensor from %d arguments of the wrong kinds, expected storage, offset, size and"
            + " stride first",
        args.size());
  }

  private List<Long> integers(Tuple tuple) throws CheckpointException {
    if (tuple.items().size() > SafetensorsHeader.MAX_AXES) {
      throw in.bad(
          "tensor has %d axes, expected at most %d",
          tuple.items().size(), SafetensorsHeader.MAX_AXES);
    }
    Long[] numbers = new Long[tuple.items().size()];
    for (int i = 0; i < numbers.length; i++) {
      if (!(tuple.items().get(i) instanceof Long number)) {
        throw in.bad(
            "tensor has %s as a size or stride, expected an integer",
            describe(tuple.items().get(i)));
      }
      numbers[i] = number;
    }
    return Arrays.asList(numbers);
  }

  private TorchStorage storage(Object id) throws CheckpointException {
    if (id instanceof Tuple(List<Object> items)
        && items.size() == 5
        && "storage".equals(items.get(0))
        && items.get(1) instanceof Global global
        && items.get(2) instanceof String key
        && items.get(4) instanceof Long elements) {
      StoredType type = TorchStorage.typeOf(global.name());
      if (type != null && elements >= 0) {
        return new TorchStorage(type, key, elements);
      }
    }
    throw in.bad(
        "refers to %s, expected ('storage', class, key, location, count of elements)",
        describe(id));
  }

  /** A short name of a value; containers are not printed, they may contain themselves. */
  private static String describe(@Nullable Object value) {
    return switch (value) {
      case null -> "nothing";
      case Long number -> "the integer " + number;
      case Double number -> "the number " + number;
      case Boolean flag -> flag ? "True" : "False";
      case String text -> "the string " + CheckpointException.printable(text);
      case Simple simple -> simple == Simple.NONE ? "None" : "a list";
      case Tuple tuple -> "a tuple of " + tuple.items().size();
      case Dict dict -> "a dict of " + dict.members().size();
      case Global global -> global.module() + "." + global.name();
      case TorchStorage storage -> "a storage";
      case TorchTensor tensor -> "a tensor";
      default -> "a value";
    };
  }
}
