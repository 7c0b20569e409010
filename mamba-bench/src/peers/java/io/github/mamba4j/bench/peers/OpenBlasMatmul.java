package io.github.mamba4j.bench.peers;

import static org.bytedeco.openblas.global.openblas.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas.CblasTrans;
import static org.bytedeco.openblas.global.openblas.cblas_sgemm;

import io.github.mamba4j.bench.MatmulCase;
import org.bytedeco.javacpp.FloatPointer;

/** Matrix products of OpenBLAS. */
final class OpenBlasMatmul extends NativeMatmul {
  OpenBlasMatmul(Setting setting) {
    super("openblas");
  }

  @Override
  void multiply(MatmulCase sizes, FloatPointer a, FloatPointer b, FloatPointer out) {
    cblas_sgemm(
        CblasRowMajor,
        sizes.leftTransposed() ? CblasTrans : CblasNoTrans,
        sizes.rightTransposed() ? CblasTrans : CblasNoTrans,
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
  }
}
