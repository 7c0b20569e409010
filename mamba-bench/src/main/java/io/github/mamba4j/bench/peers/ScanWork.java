package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.ScanChannels;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The selective scan of one sequence with 1536 channels of 16 states, forward, and forward with all
 * gradients; with gate, skip, bias and softplus.
 */
final class ScanWork implements Work {
  private static final String FORWARD = "forward ";
  private static final String BOTH = "forward+backward ";
  private static final int D_INNER = 1536;
  private static final int D_STATE = 16;
  private static final int SMALL_LENGTH = 64;
  private static final long SMALL_NANOS = 2_000_000_000;
  private static final List<Integer> LENGTHS = List.of(512, 2048);

  /** The sizes of the heaps, so that the growth of a process is that of its native memory. */
  private static final String[] FIXED_HEAP = {"-Xms768m", "-Xmx768m", "-XX:+AlwaysPreTouch"};

  /** Returns whether gradients are computed, too. */
  static boolean withGradients(String cell) {
    return cell.startsWith(BOTH);
  }

  /** Returns the number of steps. */
  static int length(String cell) {
    return Integer.parseInt(cell.substring(cell.lastIndexOf(' ') + 1));
  }

  /** Returns the inputs of a cell, and what must come out. */
  static ScanChannels channels(String cell) {
    return new ScanChannels(length(cell), D_INNER, D_STATE);
  }

  /** Returns inputs that are short, for what happens only once in a process. */
  static ScanChannels small() {
    return new ScanChannels(SMALL_LENGTH, D_INNER, D_STATE);
  }

  /** Runs something until it is compiled and all libraries are loaded. */
  static void warmUp(Runnable work) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < SMALL_NANOS) {
      work.run();
    }
  }

  @Override
  public List<Cell> cells(PeerOptions options) {
    List<Cell> cells = new ArrayList<>();
    for (int length : LENGTHS) {
      cells.add(Cell.time(FORWARD + length, 0));
      cells.add(Cell.time(BOTH + length, 0));
    }
    return cells;
  }

  @Override
  public List<Entry> entries(PeerOptions options) {
    List<Entry> entries = new ArrayList<>();
    entries.add(Entry.ours(OwnScan.class));
    entries.add(Entry.scalar(OwnScan.class));
    entries.add(Entry.narrow(OwnScan.class));
    for (String form : List.of("Sequential", "Stepwise")) {
      entries.add(Tuning.untuned(libtorch(form)));
      entries.add(Tuning.tuned(libtorch(form), options));
    }
    // Untuned, these take several times as long, and nothing is learnt from it.
    entries.add(Tuning.tuned(libtorch("Reference"), options));
    entries.add(Tuning.tuned(libtorch("Parallel"), options));
    entries.add(Tuning.untuned(Entry.peer("DJL stepwise", "DjlScan")));
    entries.add(Tuning.tuned(Entry.peer("DJL stepwise", "DjlScan"), options));
    return entries.stream().map(entry -> entry.with(FIXED_HEAP)).toList();
  }

  private static Entry libtorch(String form) {
    return Entry.peer("libtorch " + form.toLowerCase(Locale.ROOT), "TorchScan$" + form);
  }

  @Override
  public int warmUpSeconds() {
    return 3;
  }
}
