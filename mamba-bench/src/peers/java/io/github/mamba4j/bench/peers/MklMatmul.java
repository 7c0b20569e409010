package io.github.mamba4j.bench.peers;

import static org.bytedeco.mkl.global.mkl_rt.CblasNoTrans;
import static org.bytedeco.mkl.global.mkl_rt.CblasRowMajor;
import static org.bytedeco.mkl.global.mkl_rt.CblasTrans;
import static org.bytedeco.mkl.global.mkl_rt.cblas_sgemm;

import io.github.mamba4j.bench.MatmulCase;
import org.bytedeco.javacpp.FloatPointer;

/** Matrix products of MKL. */
final class MklMatmul extends NativeMatmul {
  MklMatmul(Setting setting) {
    super("mkl");
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
