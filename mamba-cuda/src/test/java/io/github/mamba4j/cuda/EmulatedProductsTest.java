package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EmulatedProductsTest extends ProductForms {
  @Override
  TestGpu open() {
    return new EmulatedGpu();
  }

  @ParameterizedTest
  @CsvSource({
    "F32 F32 F32, 1",
    "F32 F32 BF16, 1",
    "BF16 BF16 BF16, 1",
    "F32 BF16 F32, 3",
    "F32 F16 F32, 5",
    "F32 INT8 F32, 6",
    "BF16 INT8 BF16, 3",
    "BF16 F32 F32, 3"
  })
  void library_everyCombinationOfTypes_isTheProduct(String types, int calls) {
    EmulatedBlas blas = new EmulatedBlas();
    CudaMatmul matmul = new CudaMatmul(gpu, () -> Optional.of(blas));
    checkManyRows(types, matmul);
    assertThat(matmul.name()).isEqualTo("emulated");
    assertThat(blas.calls).isEqualTo(2 * calls);
    matmul.close();
    assertThat(blas.closed).isTrue();
  }

  @Test
  void library_rowsThatLieOnEachOther_areLeftToTheTiles() {
    EmulatedBlas blas = new EmulatedBlas();
    Case c = new Case(new Shape(1, 70, 8, 8), "F32 F32 F32", "", 0, false);
    View one = c.a.operand().view();
    View repeated = new View(one.storage(), one.type(), 0, 0);
    Operand a = new Operand(repeated, false, 0);
    Product product = new Product(c.shape, a, c.b.operand(), c.product.out(), 0, c.product.bias());
    new CudaMatmul(gpu, () -> Optional.of(blas)).matmul(product);
    assertThat(blas.calls).isZero();
    assertThat(c.out.at(0, 69, 5)).isEqualTo(c.out.at(0, 0, 5));
  }

  @Test
  void choice_unknown_isRefused() {
    System.setProperty(Cublas.PROPERTY, "mkl");
    try {
      assertThatThrownBy(() -> Cublas.open(gpu)).hasMessageContaining("mkl");
    } finally {
      System.clearProperty(Cublas.PROPERTY);
    }
  }

  @Test
  void choice_libraryWhereThereIsNone_isRefused() {
    System.setProperty(Cublas.PROPERTY, "cublas");
    try {
      assertThatThrownBy(() -> Cublas.open(gpu)).hasMessageContaining("not there");
    } finally {
      System.clearProperty(Cublas.PROPERTY);
    }
  }
}
