package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Chooses processors: one of each core, as long as there are enough cores. */
final class Cores {
  private static final String ALLOWED = "Cpus_allowed_list:";

  private Cores() {}

  /**
   * Chooses among the processors that this process may use.
   *
   * @param threads how many
   * @return their numbers, first those of different cores
   * @throws IllegalArgumentException if there are fewer processors
   */
  static List<Integer> choose(int threads) throws IOException {
    List<Integer> allowed = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith(ALLOWED)) {
        allowed.addAll(parse(line.substring(ALLOWED.length()).strip()));
      }
    }
    List<List<Integer>> siblings = new ArrayList<>();
    for (int cpu : allowed) {
      Path file = Path.of("/sys/devices/system/cpu/cpu" + cpu + "/topology/thread_siblings_list");
      siblings.add(Files.isReadable(file) ? parse(Files.readString(file).strip()) : List.of(cpu));
    }
    return choose(threads, allowed, siblings);
  }

  /**
   * Chooses among processors.
   *
   * @param threads how many
   * @param allowed the processors
   * @param siblings for each of them, those of its core
   */
  static List<Integer> choose(int threads, List<Integer> allowed, List<List<Integer>> siblings) {
    if (threads < 1 || threads > allowed.size()) {
      throw new IllegalArgumentException(
          "Cores: threads is "
              + threads
              + ", expected 1 to "
              + allowed.size()
              + " (the processors that this process may use)");
    }
    Set<Integer> chosen = new LinkedHashSet<>();
    Set<Integer> busy = new LinkedHashSet<>();
    for (int i = 0; i < allowed.size() && chosen.size() < threads; i++) {
      if (!busy.contains(allowed.get(i))) {
        chosen.add(allowed.get(i));
        busy.addAll(siblings.get(i));
      }
    }
    for (int i = 0; i < allowed.size() && chosen.size() < threads; i++) {
      chosen.add(allowed.get(i));
    }
    return List.copyOf(chosen);
  }

  /** Reads a list such as {@code 0-3,8}. */
  static List<Integer> parse(String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String part : list.split(",", -1)) {
      int dash = part.indexOf('-');
      int first = Integer.parseInt(dash < 0 ? part : part.substring(0, dash));
      int last = dash < 0 ? first : Integer.parseInt(part.substring(dash + 1));
      for (int i = first; i <= last; i++) {
        numbers.add(i);
      }
    }
    return numbers;
  }
}
