package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.Sink;
import java.util.Arrays;

/** {@code out[i] = table[ids[i]]}; {@code tableGrad[ids[i]] += outGrad[i]}, in a fixed order. */
public final class EmbeddingOp {
  private static final String OP = "embedding";

  private EmbeddingOp() {}

  /**
   * Looks rows up.
   *
   * @param ids row numbers, integers in [0, rows), [...]; what they hold is not checked here
   * @param table [rows, width], of any floating type; widened as it is read
   * @return [..., width]
   * @throws ShapeMismatchException if the table is not a matrix
   */
  public static Tensor apply(Tensor ids, Tensor table) {
    ShapeRules.type(OP, "ids", ids, DType.I32);
    ShapeRules.weights(OP, "table", table);
    ShapeRules.rank(OP, "table", table, 2, "[rows, width]");
    if (!ids.isContiguous()) {
      throw new ShapeMismatchException(
          OP + ": ids of shape " + ids.shape() + " is a view of wider rows; copy it first");
    }
    int count = Math.toIntExact(ids.shape().elements());
    int width = table.cols();
    int rows = table.rows();
    int[] idDims = ids.shape().toArray();
    int[] dims = Arrays.copyOf(idDims, idDims.length + 1);
    dims[idDims.length] = width;
    Scope scope = Scope.innermost(OP, ids, table);
    Tensor out = scope.result(Shape.of(dims), table);
    GatherKernels kernels = scope.backend().gather();
    GatherKernels.Lookup lookup =
        new GatherKernels.Lookup(count, width, rows, ids.view(), table.view(), out.view());
    scope.launch(() -> kernels.lookup(lookup));
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(table);
          if (sink == null) {
            return;
          }
          if (!sink.add()) {
            scope.fill(sink.view(), rows, width, 0f);
          }
          scope.withWorkspace(
              kernels.lookupBackwardWorkspaceFloats(count, width, rows),
              workspace -> {
                GatherKernels.LookupBackward args =
                    new GatherKernels.LookupBackward(
                        count, width, rows, ids.view(), out.gradientView(), sink.view(), workspace);
                scope.launch(() -> kernels.lookupBackward(args));
              });
        },
        out);
    return out;
  }
}
