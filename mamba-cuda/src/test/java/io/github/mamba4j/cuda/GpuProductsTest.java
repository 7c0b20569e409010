package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@OnGpu
class GpuProductsTest extends ProductForms {
  @Override
  TestGpu open() {
    return (TestGpu) TestGpu.mirrored().gpu();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "F32 F32 F32",
        "BF16 BF16 BF16",
        "BF16 BF16 F32",
        "F32 BF16 F32",
        "F32 INT8 F32",
        "BF16 F16 BF16"
      })
  void library_everyCombinationOfTypes_isTheProduct(String types) {
    CudaMatmul matmul = new CudaMatmul(gpu);
    String name = matmul.name();
    assumeTrue(!name.equals("ptx"), "cuBLAS is not installed");
    assertThat(name).startsWith("cuBLAS");
    checkManyRows(types, matmul);
    matmul.close();
  }
}
