package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.peers.Entry.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What makes libtorch faster from outside: an allocator that keeps memory instead of asking the
 * system for fresh pages each time, and threads that sleep while they wait.
 */
final class Tuning {
  private static final String ALLOCATOR = "libtcmalloc_minimal.so.4";
  private static final List<String> FOLDERS =
      List.of("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib");

  private Tuning() {}

  /** Returns an entry as users get it. */
  static Entry untuned(Entry entry) {
    return entry.named(entry.name() + ", plain").in(Role.UNTUNED);
  }

  /** Returns an entry that is tuned, as far as the allocator is there. */
  static Entry tuned(Entry entry, PeerOptions options) {
    Entry passive = entry.withVariable("OMP_WAIT_POLICY", "PASSIVE");
    return allocator(options.tcmalloc())
        .map(file -> passive.withVariable("LD_PRELOAD", file.toString()))
        .orElse(passive.named(entry.name() + ", no tcmalloc"));
  }

  /**
   * Finds the allocator.
   *
   * @param given the file that was asked for
   * @throws IllegalArgumentException if that file does not exist
   */
  static Optional<Path> allocator(Optional<Path> given) {
    if (given.isPresent()) {
      Path file = given.get();
      if (!Files.isRegularFile(file)) {
        throw new IllegalArgumentException("peers: --tcmalloc is " + file + ", which is no file");
      }
      return Optional.of(file.toAbsolutePath());
    }
    return FOLDERS.stream()
        .map(folder -> Path.of(folder, ALLOCATOR))
        .filter(Files::isRegularFile)
        .findFirst();
  }
}
