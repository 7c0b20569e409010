package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.StoredType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes model files and runs Mamba4J and llama.cpp on them, a process for each model, type of
 * weights and number of threads. Writes {@code peers.json} and {@code peers.md}, anew after each of
 * them.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -cp mamba-bench/target/peers.jar \
 *     io.github.mamba4j.bench.peers.LlamaComparison --models 130m --threads 1,2 --out target/peers
 * }</pre>
 */
public final class LlamaComparison {
  private final PeerOptions options;
  private final List<JsonObject> cells = new ArrayList<>();
  private final List<String> failures = new ArrayList<>();

  private LlamaComparison(PeerOptions options) {
    this.options = options;
  }

  /**
   * Compares.
   *
   * @param args see {@link PeerOptions}
   */
  public static void main(String[] args) {
    try {
      LlamaComparison comparison = new LlamaComparison(PeerOptions.parse(args));
      comparison.run();
      if (!comparison.failures.isEmpty()) {
        fail("peers: no figures of " + String.join("; ", comparison.failures));
      }
    } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
      fail(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail("peers: interrupted");
    }
  }

  @SuppressWarnings("SystemExitOutsideMain") // part of main
  private static void fail(String message) {
    Host.err().println(message);
    System.exit(1);
  }

  private void run() throws IOException, InterruptedException {
    for (PublishedModel model : options.models()) {
      Host.err().println("files of " + model.label() + " in " + options.files());
      ModelFiles.make(options.files(), model, options.weights());
      for (StoredType weights : options.weights()) {
        for (int threads : options.threads()) {
          String name = model.label() + " " + weights + ", threads " + threads;
          Host.err().println(name);
          JsonObject cell = measure(model, weights, threads);
          if (cell == null) {
            failures.add(name);
            continue;
          }
          cells.add(cell);
          Json.write(options.out().resolve("peers.json"), cells);
          String table = PeerTable.of(cells);
          Files.writeString(options.out().resolve("peers.md"), table);
        }
      }
    }
    if (!cells.isEmpty()) {
      Host.out().print(PeerTable.of(cells));
    }
  }

  /** Returns what the cell's process wrote, null if it failed. */
  private @Nullable JsonObject measure(PublishedModel model, StoredType weights, int threads)
      throws IOException, InterruptedException {
    Files.createDirectories(options.out());
    Path result = Files.createTempFile(options.out(), "cell-", ".json");
    try {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--add-modules=jdk.incubator.vector",
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  LlamaCell.class.getName()));
      command.addAll(options.cell(model, weights, threads, result));
      Process process = new ProcessBuilder(command).inheritIO().start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      return process.waitFor() == 0 ? Json.readObject(result) : null;
    } finally {
      Files.deleteIfExists(result);
    }
  }
}
