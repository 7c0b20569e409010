package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs {@code bin/mamba} with JDKs that only print how they were called. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class LauncherTest {
  @TempDir private Path folder;
  private Path launcher;

  @BeforeEach
  void copyLauncher() throws IOException {
    launcher = folder.resolve("a program/bin/mamba");
    Files.createDirectories(launcher.getParent());
    Files.copy(Path.of("src/main/dist/bin/mamba"), launcher);
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
  }

  @Test
  void launcher_namedJdk_passesFlagsOptionsAndArguments() throws Exception {
    Path jdk = jdk("named", "25.0.3");

    Result result =
        run(
            Map.of("MAMBA_JAVA_HOME", jdk.toString(), "MAMBA_OPTS", "-Xmx1g -Da=b"),
            "train",
            "x y");

    assertThat(result.code()).isZero();
    assertThat(result.lines())
        .containsExactly(
            jdk + "/bin/java",
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx1g",
            "-Da=b",
            "-cp",
            launcher.getParent().getParent().toRealPath() + "/lib/*",
            "io.github.mamba4j.examples.lm.MambaCli",
            "train",
            "x y");
  }

  @Test
  void launcher_namedJdkTooOld_failsInOneLine() throws Exception {
    Path jdk = jdk("old", "17.0.15");

    Result result = run(Map.of("MAMBA_JAVA_HOME", jdk.toString()));

    assertThat(result.code()).isEqualTo(1);
    assertThat(result.lines())
        .containsExactly(
            "mamba: MAMBA_JAVA_HOME must be a JDK 25 or later, got " + jdk + " (version 17)");
  }

  @Test
  void launcher_namedFolderWithoutJava_failsInOneLine() throws Exception {
    Result result = run(Map.of("MAMBA_JAVA_HOME", folder.toString()));

    assertThat(result.code()).isEqualTo(1);
    assertThat(result.lines()).hasSize(1).first().asString().endsWith("(version 0)");
  }

  @Test
  void launcher_javaHomeNewEnough_isUsed() throws Exception {
    Path jdk = jdk("home", "26");

    assertThat(run(Map.of("JAVA_HOME", jdk.toString())).lines())
        .first()
        .isEqualTo(jdk + "/bin/java");
  }

  @Test
  void launcher_javaHomeTooOld_takesTheJavaOnThePathThroughLinks() throws Exception {
    Path old = jdk("home", "1.8.0_402");
    Path jdk = jdk("path", "25");
    Path link = Files.createDirectory(folder.resolve("links")).resolve("java");
    Files.createSymbolicLink(link, jdk.resolve("bin/java"));

    Result result =
        run(
            Map.of(
                "JAVA_HOME",
                old.toString(),
                "PATH",
                link.getParent() + ":" + System.getenv("PATH")));

    assertThat(result.lines()).first().isEqualTo(jdk + "/bin/java");
  }

  @Test
  void launcher_calledThroughALink_findsItsJars() throws Exception {
    Path jdk = jdk("named", "25");
    Path link = Files.createSymbolicLink(folder.resolve("mamba"), launcher);

    Result result = run(link, Map.of("MAMBA_JAVA_HOME", jdk.toString()));

    assertThat(result.lines()).contains(launcher.getParent().getParent().toRealPath() + "/lib/*");
  }

  private Path jdk(String name, String version) throws IOException {
    Path jdk = folder.resolve(name);
    Path java = Files.createDirectories(jdk.resolve("bin")).resolve("java");
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    Files.writeString(java, "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"\n");
    assertThat(java.toFile().setExecutable(true)).isTrue();
    return jdk;
  }

  private Result run(Map<String, String> environment, String... args) throws Exception {
    return run(launcher, environment, args);
  }

  private static Result run(Path program, Map<String, String> environment, String... args)
      throws Exception {
    List<String> command = new ArrayList<>(List.of("sh", program.toString()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeAll(List.of("JAVA_HOME", "MAMBA_JAVA_HOME", "MAMBA_OPTS"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output.lines().toList());
  }

  private record Result(int code, List<String> lines) {}
}
