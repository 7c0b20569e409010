package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The host side of the products, without a GPU. */
class CudaMatmulLaunchTest {
  private static final int MOST_SHARED = 99 << 10;

  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaGemv gemv = new CudaGemv(launcher);
  private final Scratch parts = new Scratch(bytes -> new DeviceMemory(1 << 20, bytes));
  private final CudaTiles tiles = new CudaTiles(launcher, parts, false);

  private static View view(DType type, long stride) {
    return new View(new DeviceMemory(1 << 20, 1 << 20), type, 0, stride);
  }

  private static Product product(Shape shape, DType x, DType w, boolean aTransposed) {
    Operand a = new Operand(view(x, aTransposed ? shape.m() : shape.k()), aTransposed, 0);
    Operand b = new Operand(view(w, shape.k()), true, 0);
    return new Product(shape, a, b, new Sink(view(DType.F32, shape.n()), true), 0, null);
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = "I32", mode = EnumSource.Mode.EXCLUDE)
  void gemv_everyType_hasTheParametersOfItsSignatureAndFits(DType weights) {
    for (DType x : new DType[] {DType.F32, DType.BF16}) {
      for (int m : new int[] {1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 64}) {
        for (int k : new int[] {32, 768, 2560, 1056}) {
          gemv.launch(product(new Shape(2, m, 777, k), x, weights, false));
          Grid grid = launcher.grids.getLast();
          assertThat(grid.threadsX() * grid.threadsY()).isBetween(32, 256);
          assertThat(grid.sharedBytes() + 4096).isLessThanOrEqualTo(MOST_SHARED);
          assertThat((long) grid.x() * grid.threadsY() * 16).isGreaterThanOrEqualTo(777);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 768, 1536, 48, 6, 1",
    "BF16, 3072, 768, 192, 6, 1",
    "BF16, 50280, 768, 3143, 1, 4",
    "F32, 80, 1536, 5, 8, 1",
    "INT8, 10240, 2560, 640, 4, 1",
    "F16, 1, 1, 1, 1, 1"
  })
  void gemv_cut_dependsOnTheWeightsAlone(
      DType weights, int n, int k, int tiles, int slices, int tilesOfBlock) {
    CudaGemv.Cut cut = CudaGemv.Cut.of(weights, n, k);
    assertThat(cut).isEqualTo(new CudaGemv.Cut(tiles, slices));
    assertThat(cut.tilesOfBlock()).isEqualTo(tilesOfBlock);
  }

  @Test
  void gemv_whatIsNoProductOfFewRowsWithWeights_isLeftToOthers() {
    assertThat(CudaGemv.takes(product(new Shape(1, 64, 5, 32), DType.F32, DType.F32, false)))
        .isTrue();
    assertThat(CudaGemv.takes(product(new Shape(1, 65, 5, 32), DType.F32, DType.F32, false)))
        .isFalse();
    assertThat(CudaGemv.takes(product(new Shape(1, 2, 5, 32), DType.F32, DType.F32, true)))
        .isFalse();
  }

  @Test
  void tiles_everyForm_hasTheParametersOfItsSignatureAndFits() {
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      for (boolean transposed : new boolean[] {false, true}) {
        for (int m : new int[] {3, 70, 3000}) {
          tiles.launch(product(new Shape(3, m, 130, 2048), type, type, transposed));
        }
      }
    }
    assertThat(launcher.grids).allMatch(grid -> grid.sharedBytes() <= MOST_SHARED);
    assertThat(launcher.launched).contains("matmul", "fold_f32_1");
  }

  @Test
  void tiles_depth_isCutWhereTilesAreFewAndRowsMayCount() {
    Shape deep = new Shape(1, 768, 80, 16_384);
    Product weightGradient = product(deep, DType.BF16, DType.BF16, true);
    CudaTiles.Cut cut = CudaTiles.Cut.of(weightGradient);
    assertThat(cut).isEqualTo(new CudaTiles.Cut(128, 6, 416, 40));
    assertThat(CudaTiles.Cut.of(product(deep, DType.BF16, DType.BF16, false)).parts()).isOne();
  }

  @Test
  void scratch_moreThanBefore_growsAndElseStays() {
    DeviceMemory first = parts.of(10);
    assertThat(parts.of(1 << 20)).isSameAs(first);
    assertThat(parts.of((1 << 20) + 1).byteSize()).isEqualTo(2 << 20);
  }
}
