package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.Cublas.check;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** cuBLAS of whatever CUDA is installed, called as it is. */
final class NativeBlas implements Blas {
  private static final List<String> LIBRARIES =
      List.of("libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so");

  /** The parameters of cublasGemmStridedBatchedEx; addresses on the GPU are numbers here. */
  private static final MemoryLayout[] GEMM = {
    JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT,
    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT,
    JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT
  };

  private final Arena arena = Arena.ofShared();
  private final SymbolLookup symbols;
  private final String library;
  private final MemorySegment one = arena.allocateFrom(JAVA_FLOAT, 1);
  private final MemorySegment beta = arena.allocate(JAVA_FLOAT);
  private final MethodHandle gemm;
  private final long handle;

  private NativeBlas(
      String library, SymbolLookup symbols, CudaStream stream, DeviceMemory workspace) {
    this.library = library;
    this.symbols = symbols;
    gemm = function("cublasGemmStridedBatchedEx", GEMM);
    MemorySegment created = arena.allocate(JAVA_LONG);
    call("cublasCreate_v2", new MemoryLayout[] {ADDRESS}, created);
    handle = created.get(JAVA_LONG, 0);
    MemoryLayout[] two = {JAVA_LONG, JAVA_LONG};
    call("cublasSetStream_v2", two, handle, stream.handle());
    MemoryLayout[] three = {JAVA_LONG, JAVA_LONG, JAVA_LONG};
    call("cublasSetWorkspace_v2", three, handle, workspace.address(), workspace.byteSize());
    call("cublasSetMathMode", new MemoryLayout[] {JAVA_LONG, JAVA_INT}, handle, Cublas.MATH_MODE);
  }

  /**
   * Opens the library.
   *
   * @throws IllegalStateException if it is not there or refuses
   */
  @SuppressWarnings("restricted") // There is no other way to a library that the user installed.
  static Blas open(CudaStream stream, DeviceMemory workspace) {
    for (String library : LIBRARIES) {
      SymbolLookup symbols;
      try {
        symbols = SymbolLookup.libraryLookup(library, Arena.global());
      } catch (IllegalArgumentException e) {
        continue;
      }
      return new NativeBlas(library, symbols, stream, workspace);
    }
    throw new IllegalStateException("NativeBlas: found none of " + LIBRARIES);
  }

  @SuppressWarnings("restricted") // The signatures are cuBLAS's.
  private MethodHandle function(String name, MemoryLayout... parameters) {
    MemorySegment symbol =
        symbols
            .find(name)
            .orElseThrow(() -> new IllegalStateException(library + " has no " + name));
    return Linker.nativeLinker()
        .downcallHandle(symbol, FunctionDescriptor.of(JAVA_INT, parameters));
  }

  private void call(String name, MemoryLayout[] parameters, Object... arguments) {
    check(invoke(function(name, parameters), arguments), name);
  }

  private static int invoke(MethodHandle function, Object... arguments) {
    try {
      return (int) function.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException("NativeBlas: the call failed", e);
    }
  }

  @Override
  public String name() {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment version = local.allocate(JAVA_INT);
      call("cublasGetVersion_v2", new MemoryLayout[] {JAVA_LONG, ADDRESS}, handle, version);
      return "cuBLAS " + Cublas.version(version.get(JAVA_INT, 0)) + " (" + library + ")";
    }
  }

  @Override
  public void gemm(Gemm product) {
    beta.set(JAVA_FLOAT, 0, product.beta());
    check(launch(product), "cublasGemmStridedBatchedEx of " + product);
  }

  private int launch(Gemm product) {
    Matrix a = product.a();
    Matrix b = product.b();
    Matrix c = product.c();
    try {
      return (int)
          gemm.invokeExact(
              handle,
              Cublas.operation(a),
              Cublas.operation(b),
              product.m(),
              product.n(),
              product.k(),
              one,
              a.address(),
              Cublas.type(a.type()),
              a.leading(),
              a.batchStride(),
              b.address(),
              Cublas.type(b.type()),
              b.leading(),
              b.batchStride(),
              beta,
              c.address(),
              Cublas.type(c.type()),
              c.leading(),
              c.batchStride(),
              product.batch(),
              Cublas.compute(a.type()),
              Cublas.DEFAULT_ALGORITHM);
    } catch (Throwable e) {
      throw new IllegalStateException("NativeBlas: the call failed", e);
    }
  }

  @Override
  public void close() {
    call("cublasDestroy_v2", new MemoryLayout[] {JAVA_LONG}, handle);
    arena.close();
  }
}
