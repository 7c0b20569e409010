package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.Cublas.check;

import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

/** cuBLAS through JCublas, whose natives need CUDA 12's. */
final class JcudaBlas implements Blas {
  /** Memory of the GPU by its address. */
  private static final class Address extends Pointer {
    Address(long address) {
      super(address);
    }
  }

  private static final Pointer ONE = Pointer.to(new float[] {1});

  private final cublasHandle handle = new cublasHandle();
  private final float[] beta = new float[1];
  private final Pointer betaPointer = Pointer.to(beta);

  /**
   * Opens the library.
   *
   * @throws LinkageError if JCublas, its natives or cuBLAS are not there
   * @throws IllegalStateException if cuBLAS refuses
   */
  JcudaBlas(CudaStream stream, DeviceMemory workspace) {
    JCublas2.setExceptionsEnabled(false);
    check(JCublas2.cublasCreate(handle), "cublasCreate");
    check(JCublas2.cublasSetStream(handle, new cudaStream_t(stream)), "cublasSetStream");
    Pointer memory = new Address(workspace.address());
    check(JCublas2.cublasSetWorkspace(handle, memory, workspace.byteSize()), "cublasSetWorkspace");
    check(JCublas2.cublasSetMathMode(handle, Cublas.MATH_MODE), "cublasSetMathMode");
  }

  @Override
  public String name() {
    int[] version = new int[1];
    check(JCublas2.cublasGetVersion(handle, version), "cublasGetVersion");
    return "cuBLAS " + Cublas.version(version[0]) + " (JCublas)";
  }

  @Override
  public void gemm(Gemm gemm) {
    beta[0] = gemm.beta();
    int status =
        JCublas2.cublasGemmStridedBatchedEx_new(
            handle,
            Cublas.operation(gemm.a()),
            Cublas.operation(gemm.b()),
            gemm.m(),
            gemm.n(),
            gemm.k(),
            ONE,
            new Address(gemm.a().address()),
            Cublas.type(gemm.a().type()),
            gemm.a().leading(),
            gemm.a().batchStride(),
            new Address(gemm.b().address()),
            Cublas.type(gemm.b().type()),
            gemm.b().leading(),
            gemm.b().batchStride(),
            betaPointer,
            new Address(gemm.c().address()),
            Cublas.type(gemm.c().type()),
            gemm.c().leading(),
            gemm.c().batchStride(),
            gemm.batch(),
            Cublas.compute(gemm.a().type()),
            Cublas.DEFAULT_ALGORITHM);
    check(status, "cublasGemmStridedBatchedEx of " + gemm);
  }

  @Override
  public void close() {
    check(JCublas2.cublasDestroy(handle), "cublasDestroy");
  }
}
