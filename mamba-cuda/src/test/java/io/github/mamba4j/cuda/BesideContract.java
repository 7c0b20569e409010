package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Gradients have the same bits whether some of them are computed beside scans or not. */
abstract class BesideContract {
  private static final int LAYERS = 3;
  private static final int VOCAB = 37;

  private final int width;
  private final int batch;
  private final int length;

  /**
   * Prepares the tests.
   *
   * @param width of a model whose backward scans leave room
   */
  BesideContract(int width, int batch, int length) {
    this.width = width;
    this.batch = batch;
    this.length = length;
  }

  /** Opens a GPU that runs some kernels beside others. */
  abstract CudaBackend open();

  /** Opens one that runs them one after the other. */
  abstract CudaBackend openInOrder();

  private MambaModel model(Device device) {
    return MambaModel.builder()
        .dModel(width)
        .nLayers(LAYERS)
        .vocabSize(VOCAB)
        .seed(7)
        .device(device)
        .build();
  }

  private List<float[]> gradients(CudaBackend backend, DType type) {
    try (Device gpu = Device.of(backend);
        MambaModel model = model(gpu);
        Scope scope = model.openGradientScope(type)) {
      int[] tokens = new Random(3).ints((long) batch * length, 0, VOCAB).toArray();
      Tensor inputs = scope.ints(Shape.of(batch, length), tokens);
      model.loss(inputs, inputs).mean().backward();
      List<float[]> all = new ArrayList<>();
      model.parameters().values().forEach(p -> all.add(p.grad().orElseThrow().toFloats()));
      return all;
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void gradients_besideScans_haveTheBitsOfThoseInOrder(DType type) {
    List<float[]> actual = gradients(open(), type);
    List<float[]> expected = gradients(openInOrder(), type);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).as("parameter %d", i).isEqualTo(expected.get(i));
    }
  }

  /** The first step launches, the others replay what it launched. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void training_withoutChange_hasTheSameBitsInEachStep(DType type) {
    Ones data = new Ones(batch, length, 1);
    try (Device gpu = Device.of(open());
        MambaModel model = model(gpu);
        TrainingStep step = TrainingStep.open(model, data, AdamW.of(1e-3), 1, 1, type)) {
      step.run(data, 0, 0, 0);
      double loss = step.loss();
      double norm = step.gradientNorm();
      for (int i = 0; i < 3; i++) {
        step.run(data, 0, 0, 0);
        assertThat(step.loss()).isEqualTo(loss);
        assertThat(step.gradientNorm()).isEqualTo(norm);
      }
    }
  }
}
