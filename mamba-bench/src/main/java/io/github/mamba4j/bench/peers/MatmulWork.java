package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.MatmulCase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Matrix products in single precision: a square one, those of a training step of a 256 × 6 and a
 * 768 × 24 model, and those of few rows, whose right factors are so many that they come from
 * memory.
 */
final class MatmulWork implements Work {
  private static final int MOST_MEMORY_BOUND_ROWS = 16;
  private static final List<String> SQUARE =
      List.of("NN 1024 1024 1024", "NT 1024 1024 1024", "TN 1024 1024 1024");
  private static final List<String> TRAINING =
      List.of(
          "NT 2048 1024 256",
          "NN 2048 256 1024",
          "TN 1024 256 2048",
          "NT 2048 3072 768",
          "NN 2048 768 3072",
          "TN 3072 768 2048");
  private static final List<String> ROWS =
      List.of(
          "NT 1 3072 768 x24",
          "NT 4 3072 768 x24",
          "NT 16 3072 768 x24",
          "NT 1 768 1536 x48",
          "NT 4 768 1536 x48",
          "NT 16 768 1536 x48");

  /** Returns how many right factors are used in turn. */
  static int rightFactors(String cell) {
    int at = cell.indexOf('x');
    return at < 0 ? 1 : Integer.parseInt(cell.substring(at + 1));
  }

  /** Returns what bounds the products: arithmetic, or for few rows the reading of weights. */
  static Map<String, Object> bound(MatmulCase sizes, int rightFactors) {
    return sizes.m() <= MOST_MEMORY_BOUND_ROWS
        ? Map.of(Trial.BOUND_BYTES, bytes(sizes, rightFactors))
        : Map.of(Trial.BOUND_FLOPS, (double) sizes.flops() * rightFactors);
  }

  private static double bytes(MatmulCase sizes, int rightFactors) {
    return (double) rightFactors * sizes.n() * sizes.k() * Float.BYTES;
  }

  @Override
  public List<Cell> cells(PeerOptions options) {
    List<String> names = new ArrayList<>(SQUARE);
    names.addAll(TRAINING);
    names.addAll(ROWS);
    return names.stream().map(MatmulWork::cell).toList();
  }

  private static Cell cell(String name) {
    MatmulCase sizes = MatmulCase.parse(name);
    int rights = rightFactors(name);
    return sizes.m() <= MOST_MEMORY_BOUND_ROWS
        ? new Cell(name, "GB/s", bytes(sizes, rights) * 1e-9, 0)
        : new Cell(name, "GFLOP/s", sizes.flops() * 1e-9 * rights, 0);
  }

  @Override
  public List<Entry> entries(PeerOptions options) {
    return List.of(
        Entry.ours(OwnMatmul.class),
        Entry.scalar(OwnMatmul.class),
        Entry.narrow(OwnMatmul.class),
        Entry.peer("OpenBLAS", "OpenBlasMatmul"),
        Entry.peer("oneDNN", "OneDnnMatmul"),
        Entry.peer("MKL", "MklMatmul"));
  }

  @Override
  public int warmUpSeconds() {
    return 2;
  }
}
