package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The first-order scan: the launches of {@code prefix.ptx}. */
final class CudaPrefix {
  private static final int THREADS = 128;
  private static final int WARP = 32;

  /** Nodes of the tree that a task takes to their common root. */
  private static final int FAN = 16;

  private static final int LEAST_CHUNK = 64;

  /** A level of the tree: pairs as matrices, how many a sequence has, and whether they lie back. */
  private record Level(View a, View b, int count, boolean reverse) {
    int groups() {
      return Math.ceilDiv(count, FAN);
    }
  }

  private final Launcher launcher;

  CudaPrefix(Launcher launcher) {
    this.launcher = launcher;
  }

  /** Returns the steps of a chunk: about as many as there are chunks then, as both are serial. */
  private static int chunkSteps(int length) {
    int root = (int) Math.sqrt(length);
    return Math.max(LEAST_CHUNK, Integer.highestOneBit(root));
  }

  static long workspaceFloats(int batch, int length, int width, PrefixAlgorithm algorithm) {
    long nodes =
        switch (algorithm) {
          case SEQUENTIAL -> 0;
          case CHUNKED -> Math.ceilDiv(length, chunkSteps(length));
          case BLELLOCH -> innerNodes(length);
        };
    return 2 * nodes * batch * width;
  }

  /** Returns the nodes of a sequence's tree above its steps and below its root. */
  private static long innerNodes(int length) {
    long nodes = 0;
    for (int count = length; count > FAN; nodes += count) {
      count = Math.ceilDiv(count, FAN);
    }
    return nodes;
  }

  void run(Prefix scan) {
    switch (scan.algorithm()) {
      case SEQUENTIAL -> states(scan, scan.initial(), scan.length(), 1);
      case CHUNKED -> chunked(scan);
      case BLELLOCH -> tree(scan);
    }
  }

  private void states(Prefix scan, @Nullable View carry, int chunkSteps, int chunks) {
    Arguments arguments = new Arguments().matrix(scan.a()).matrix(scan.b()).matrix(scan.out());
    optional(arguments, carry);
    sizes(arguments, scan, scan.length(), scan.reverse()).number(chunkSteps).number(chunks);
    launch("prefix_states", scan, chunks, arguments);
  }

  private void chunked(Prefix scan) {
    int steps = chunkSteps(scan.length());
    int chunks = Math.ceilDiv(scan.length(), steps);
    View products = pairs(scan, 0);
    View ends = products.plus((long) scan.batch() * chunks * scan.width());
    Arguments arguments =
        new Arguments().matrix(scan.a()).matrix(scan.b()).pointer(products).pointer(ends);
    sizes(arguments, scan, scan.length(), scan.reverse()).number(steps).number(chunks);
    launch("prefix_ends", scan, chunks, arguments);
    Arguments join = new Arguments().pointer(products).pointer(ends);
    optional(join, scan.initial()).number(scan.batch()).number(chunks).number(scan.width());
    launch("prefix_join", scan, 1, join);
    states(scan, ends, steps, chunks);
  }

  /** Up the levels to the one with few nodes, whose root's state is the initial one, and down. */
  private void tree(Prefix scan) {
    List<Level> levels = new ArrayList<>();
    levels.add(new Level(scan.a(), scan.b(), scan.length(), scan.reverse()));
    for (long used = 0; levels.getLast().count() > FAN; ) {
      Level level = levels.getLast();
      long plane = (long) scan.batch() * level.groups() * scan.width();
      View products = pairs(scan, used);
      View ends = products.plus(plane);
      up(scan, level, products, ends);
      levels.add(new Level(products, ends, level.groups(), false));
      used += 2 * plane;
    }
    View carry = scan.initial();
    for (Level level : levels.reversed()) {
      down(scan, level, carry);
      carry = level.b();
    }
  }

  private void up(Prefix scan, Level level, View products, View ends) {
    Arguments arguments =
        new Arguments().matrix(level.a()).matrix(level.b()).pointer(products).pointer(ends);
    sizes(arguments, scan, level.count(), level.reverse()).number(level.groups());
    launch("prefix_up", scan, level.groups(), arguments);
  }

  private void down(Prefix scan, Level level, @Nullable View carry) {
    boolean leaves = level.b().equals(scan.b());
    View out = leaves ? scan.out() : level.b();
    Arguments arguments = new Arguments().matrix(level.a()).matrix(level.b()).matrix(out);
    optional(arguments, carry);
    sizes(arguments, scan, level.count(), level.reverse()).number(level.groups());
    launch(leaves ? "prefix_leaves" : "prefix_down", scan, level.groups(), arguments);
  }

  private static View pairs(Prefix scan, long used) {
    View workspace = scan.workspace();
    return new View(workspace.storage(), DType.F32, workspace.offset() + used, scan.width());
  }

  private static Arguments optional(Arguments arguments, @Nullable View view) {
    return arguments.pointer(view).wide(view == null ? 0 : view.stride());
  }

  private static Arguments sizes(Arguments arguments, Prefix scan, int count, boolean reverse) {
    return arguments
        .number(scan.batch())
        .number(count)
        .number(scan.width())
        .number(reverse ? 1 : 0);
  }

  /** Launches threads for all columns of all tasks; few columns leave a block room for tasks. */
  private void launch(String name, Prefix scan, int tasksPerSequence, Arguments arguments) {
    int columns = THREADS;
    while (columns > WARP / 4 && columns / 2 >= scan.width()) {
      columns /= 2;
    }
    int rows = THREADS / columns;
    long tasks = (long) scan.batch() * tasksPerSequence;
    int y = (int) Math.min(Math.ceilDiv(tasks, rows), Grid.MAX_Y);
    Grid grid = new Grid(Math.ceilDiv(scan.width(), columns), y, columns, rows);
    launcher.launch(new Kernel("prefix", name), grid, arguments);
  }
}
