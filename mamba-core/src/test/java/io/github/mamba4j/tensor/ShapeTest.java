package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class ShapeTest {
  @Test
  void of_sizes_keepsThemInOrder() {
    Shape shape = Shape.of(2, 16, 32);

    assertThat(shape.rank()).isEqualTo(3);
    assertThat(shape.toArray()).containsExactly(2, 16, 32);
    assertThat(shape.elements()).isEqualTo(1024);
    assertThat(shape).hasToString("[2, 16, 32]");
  }

  @Test
  void of_noSizes_isScalarWithOneElement() {
    assertThat(Shape.of().rank()).isZero();
    assertThat(Shape.of().elements()).isEqualTo(1);
    assertThat(Shape.of()).hasToString("[]");
  }

  @Test
  void of_arrayChangedLater_keepsItsSizes() {
    int[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 7;
    shape.toArray()[1] = 7;

    assertThat(shape).isEqualTo(Shape.of(2, 3));
  }

  @Test
  void of_negativeSize_namesAxisAndSizes() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Shape.of(2, -1))
        .withMessage("Shape: dim 1 must not be negative, got [2, -1]");
  }

  @Test
  void dim_negativeAxis_countsFromTheEnd() {
    Shape shape = Shape.of(2, 16, 32);

    assertThat(shape.dim(0)).isEqualTo(2);
    assertThat(shape.dim(2)).isEqualTo(32);
    assertThat(shape.dim(-1)).isEqualTo(32);
    assertThat(shape.dim(-3)).isEqualTo(2);
    assertThat(shape.lastDim()).isEqualTo(32);
  }

  @Test
  void dim_axisOutOfRange_namesShapeAndRange() {
    Shape shape = Shape.of(2, 16);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> shape.dim(2))
        .withMessage("Shape: axis of [2, 16] must be in [-2, 2), got 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> shape.dim(-3))
        .withMessage("Shape: axis of [2, 16] must be in [-2, 2), got -3");
    assertThatIllegalArgumentException().isThrownBy(() -> Shape.of().lastDim());
  }

  @Test
  void elements_beyondInt_isExact() {
    assertThat(Shape.of(1 << 20, 1 << 20).elements()).isEqualTo(1L << 40);
    assertThat(Shape.of(Integer.MAX_VALUE, Integer.MAX_VALUE).elements())
        .isEqualTo(4611686014132420609L);
  }

  @Test
  void elements_beyondLong_isRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Shape.of(1 << 30, 1 << 30, 8))
        .withMessage(
            "Shape: the number of elements of [1073741824, 1073741824, 8] must be at most"
                + " 9223372036854775807");
    assertThatIllegalArgumentException().isThrownBy(() -> Shape.of(1 << 30, 1 << 30, 1 << 30, 4));
  }

  @Test
  void elements_anyAxisEmpty_isZeroWhateverTheOthers() {
    assertThat(Shape.of(1 << 30, 1 << 30, 1 << 30, 0).elements()).isZero();
  }

  @Test
  void withDim_axis_changesOnlyThatOne() {
    Shape shape = Shape.of(2, 16, 32);

    assertThat(shape.withDim(-1, 5)).isEqualTo(Shape.of(2, 16, 5));
    assertThat(shape.withDim(0, 1)).isEqualTo(Shape.of(1, 16, 32));
    assertThat(shape).isEqualTo(Shape.of(2, 16, 32));
  }

  @Test
  void withDim_badArguments_areRefused() {
    Shape shape = Shape.of(2, 16);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> shape.withDim(3, 1))
        .withMessage("Shape: axis of [2, 16] must be in [-2, 2), got 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> shape.withDim(0, -4))
        .withMessage("Shape: dim 0 must not be negative, got [-4, 16]");
  }

  @Test
  void equals_sameSizes_agreesWithHashCode() {
    assertThat(Shape.of(2, 3)).isEqualTo(Shape.of(2, 3)).hasSameHashCodeAs(Shape.of(2, 3));
    assertThat(Shape.of(2, 3)).isNotEqualTo(Shape.of(3, 2)).isNotEqualTo(Shape.of(2, 3, 1));
    assertThat(Shape.of(2, 3)).isNotEqualTo("[2, 3]");
  }
}
