package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StateBlocksTest {
  private static final List<Shape> SHAPES =
      List.of(Shape.of(2, 3, 5), Shape.of(70), Shape.of(300, 2), Shape.of(1), Shape.of(4, 16));

  @ParameterizedTest
  @CsvSource({"1000000, 1", "1000, 1", "830, 2", "200, 3", "1, 5"})
  void tensors_ofSomeShapes_areZeroedApartAndKeptTogether(long most, int blocks) {
    try (Device device = TestDevice.open(1);
        Scope scope = device.openScope()) {
      StateBlocks states = new StateBlocks(scope, most);
      List<Tensor> tensors = states.cut(SHAPES);
      assertThat(states.count()).isEqualTo(blocks);
      assertThat(tensors.stream().map(Tensor::shape)).isEqualTo(SHAPES);
      for (Tensor tensor : tensors) {
        assertThat(tensor.toFloats()).containsOnly(0f);
      }
      fill(tensors, 1);
      states.keep();
      fill(tensors, 11);
      states.restore();
      for (int i = 0; i < tensors.size(); i++) {
        assertThat(tensors.get(i).toFloats()).containsOnly(1f + i);
      }
    }
  }

  /** Backwards, so that a tensor that reaches into the next is seen. */
  private static void fill(List<Tensor> tensors, int first) {
    for (int i = tensors.size() - 1; i >= 0; i--) {
      tensors.get(i).fill(first + i);
    }
  }
}
