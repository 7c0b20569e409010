package io.github.mamba4j.bench.peers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads arguments of the form {@code --name value}; what is wrong is told in one line. */
final class Arguments {
  private Arguments() {}

  /**
   * Reads all arguments.
   *
   * @param names those that are known
   * @param usage what is expected
   * @throws IllegalArgumentException if a name is not known or has no value
   */
  static Map<String, String> read(List<String> names, String usage, String... args) {
    Map<String, String> values = new LinkedHashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      boolean known = names.contains(args[i]);
      if (!known || i + 1 == args.length) {
        throw new IllegalArgumentException(
            "peers: got " + args[i] + (known ? " without a value" : "") + ", expected " + usage);
      }
      values.put(args[i], args[i + 1]);
    }
    return values;
  }

  /** Reads a list of names. */
  static <T> List<T> choices(String argument, String list, Map<String, T> choices) {
    List<T> chosen = new ArrayList<>();
    for (String name : list.split(",", -1)) {
      T choice = choices.get(name);
      if (choice == null) {
        throw wrong(argument, name, "some of " + String.join(",", choices.keySet()));
      }
      chosen.add(choice);
    }
    return List.copyOf(chosen);
  }

  /** Reads a list of positive numbers. */
  static List<Integer> positives(String argument, String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String number : list.split(",", -1)) {
      numbers.add(positive(argument, number));
    }
    return List.copyOf(numbers);
  }

  /** Reads a positive number. */
  static int positive(String argument, String number) {
    if (!number.matches("[1-9][0-9]{0,4}")) {
      throw wrong(argument, number, "a positive number");
    }
    return Integer.parseInt(number);
  }

  /** Reads a number from 0 to 100. */
  static int percent(String argument, String number) {
    if (!number.matches("[0-9]{1,2}|100")) {
      throw wrong(argument, number, "a percentage");
    }
    return Integer.parseInt(number);
  }

  /** Reads a name. */
  static <T> T choice(String argument, String name, Map<String, T> choices) {
    T choice = choices.get(name);
    if (choice == null) {
      throw wrong(argument, name, String.join(" or ", choices.keySet()));
    }
    return choice;
  }

  private static IllegalArgumentException wrong(String argument, String got, String expected) {
    return new IllegalArgumentException(
        "peers: " + argument + " is " + got + ", expected " + expected);
  }
}
