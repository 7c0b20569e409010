import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import com.google.googlejavaformat.java.StringWrapper;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/**
 * Checks or rewrites every Java file of the repository with google-java-format.
 *
 * <p>It runs as a program of its own because the formatter needs a newer Java than Maven may run
 * on; the build starts it with the JDK that it found. Arguments: {@code check} or {@code apply},
 * then the repository's folder.
 */
final class Format {
  private static final List<String> SKIPPED = List.of("target", ".git");

  public static void main(String[] args) throws IOException {
    boolean apply = args[0].equals("apply");
    Path root = Path.of(args[1]);
    List<String> complaints = new ArrayList<>();
    for (Path file : javaFiles(root)) {
      String name = root.relativize(file).toString();
      try {
        String source = Files.readString(file);
        String formatted = format(source);
        if (formatted.equals(source)) {
          continue;
        }
        if (apply) {
          Files.writeString(file, formatted);
          System.out.println("formatted " + name);
        } else {
          complaints.add(name + ":" + firstDifference(source, formatted) + " is not formatted");
        }
      } catch (FormatterException e) {
        complaints.add(name + ":" + e.diagnostics().getFirst());
      }
    }
    complaints.forEach(System.err::println);
    if (!complaints.isEmpty()) {
      System.err.println(complaints.size() + " files; run: mvn -q -N -Pformat validate");
      System.exit(1);
    }
  }

  private static String format(String source) throws FormatterException {
    JavaFormatterOptions.Style style = JavaFormatterOptions.Style.GOOGLE;
    Formatter formatter =
        new Formatter(JavaFormatterOptions.builder().style(style).reorderModifiers(true).build());
    String imports =
        ImportOrderer.reorderImports(RemoveUnusedImports.removeUnusedImports(source), style);
    return StringWrapper.wrap(formatter.formatSource(imports), formatter);
  }

  private static int firstDifference(String source, String formatted) {
    List<String> before = source.lines().toList();
    List<String> after = formatted.lines().toList();
    int line = 0;
    while (line < Math.min(before.size(), after.size())
        && before.get(line).equals(after.get(line))) {
      line++;
    }
    return line + 1;
  }

  private static List<Path> javaFiles(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            return SKIPPED.contains(String.valueOf(folder.getFileName()))
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(".java")) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    files.sort(null);
    return files;
  }
}
