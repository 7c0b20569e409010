package io.github.mamba4j.bench;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The machine that a program of this module runs on, and its terminal. */
public final class Host {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  private Host() {}

  /** Returns the processor's name and the number of processors that this JVM may use. */
  public static String processor() throws IOException {
    String name = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (Files.isReadable(CPU_INFO)) {
      try (Stream<String> lines = Files.lines(CPU_INFO)) {
        name =
            lines
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(name);
      }
    }
    return name + ", " + Runtime.getRuntime().availableProcessors() + " processors";
  }

  /** Returns whether the processor has some instructions, by the name that Linux gives them. */
  public static boolean hasInstructions(String flag) throws IOException {
    try (Stream<String> lines = Files.lines(CPU_INFO)) {
      return lines
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(line -> List.of(line.split(" ", -1)).contains(flag))
          .orElse(false);
    }
  }

  /** Returns where results are printed. */
  public static PrintStream out() {
    return console(FileDescriptor.out);
  }

  /** Returns where progress and errors are printed. */
  public static PrintStream err() {
    return console(FileDescriptor.err);
  }

  private static PrintStream console(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }
}
