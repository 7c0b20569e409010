package io.github.mamba4j.train;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;

/** Settings as names and plain values, to be written to a checkpoint and compared with it. */
final class RecordFields {
  private RecordFields() {}

  /** Returns the components of a record of numbers, booleans, enums and such records. */
  static SequencedMap<String, Object> of(Record settings) {
    SequencedMap<String, Object> fields = new LinkedHashMap<>();
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      try {
        Object value = component.getAccessor().invoke(settings);
        if (value instanceof Record inner) {
          String prefix = component.getName() + ".";
          of(inner).forEach((name, field) -> fields.put(prefix + name, field));
        } else {
          fields.put(component.getName(), plain(value));
        }
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(
            "RecordFields: cannot read " + component.getName() + " of " + settings, e);
      }
    }
    return fields;
  }

  private static Object plain(Object value) {
    return switch (value) {
      case Integer number -> number.longValue();
      case Enum<?> constant -> constant.name();
      // JSON has no infinity.
      case Double number when number.isInfinite() -> number.toString();
      default -> value;
    };
  }

  /** Returns a line for each name whose values differ, or that one side lacks. */
  static List<String> differences(String what, Map<String, ?> stored, Map<String, Object> current) {
    Set<String> names = new LinkedHashSet<>(current.keySet());
    names.addAll(stored.keySet());
    List<String> lines = new ArrayList<>();
    for (String name : names) {
      Object before = stored.get(name);
      Object now = current.get(name);
      if (!Objects.equals(before, now)) {
        lines.add(
            String.format(
                Locale.ROOT,
                "%s %s was %s, is %s now",
                what,
                name,
                Objects.requireNonNullElse(before, "not set"),
                Objects.requireNonNullElse(now, "not set")));
      }
    }
    return lines;
  }
}
