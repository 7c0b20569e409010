package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@OnGpu
class GpuSsdFormsTest extends SsdForms {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }

  /** Sizes of a model, too large for an emulated GPU. */
  @ParameterizedTest
  @CsvSource({"2, 777, 24, 64, 1, 128", "1, 1500, 6, 64, 2, 64", "3, 400, 4, 96, 1, 128"})
  void scan_sizesOfModels_equalsFloats(
      int batch, int length, int heads, int headDim, int groups, int dState) {
    int[] sizes = {batch, length, heads, headDim, groups, dState};
    scan_everyForm_equalsFloats(sizes, DType.BF16, 8, 8, 132);
    scan_everyForm_equalsFloats(sizes, DType.F32, 8, 8, 132);
  }
}
