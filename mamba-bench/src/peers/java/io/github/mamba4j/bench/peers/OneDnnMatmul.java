package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.MatmulCase;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.FloatPointer;

/** Matrix products of oneDNN. */
final class OneDnnMatmul extends NativeMatmul {
  OneDnnMatmul(Setting setting) {
    super("dnnl");
  }

  @Override
  void multiply(MatmulCase sizes, FloatPointer a, FloatPointer b, FloatPointer out) {
    int status =
        dnnl.dnnl_sgemm(
            letter(sizes.leftTransposed()),
            letter(sizes.rightTransposed()),
            sizes.m(),
            sizes.n(),
            sizes.k(),
            1,
            a,
            sizes.leftCols(),
            b,
            sizes.rightCols(),
            0,
            out,
            sizes.n());
    if (status != dnnl.dnnl_success) {
      throw new IllegalStateException("OneDnnMatmul: dnnl_sgemm returned " + status);
    }
  }

  private static byte letter(boolean transposed) {
    return (byte) (transposed ? 'T' : 'N');
  }
}
