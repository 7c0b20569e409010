package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.model.LoadOptions;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ten steps of a reference implementation, from its start weights. */
class TrajectoryTest {

  /** The reference's batches; it shifts the labels inside, so the last position has none. */
  private static final class Recorded implements BatchSource {
    private final int[] ids;
    private final List<Long> shape;

    Recorded(TensorEntry ids) throws IOException {
      this.ids = ids.toIntArray();
      this.shape = ids.shape();
    }

    @Override
    public int batchSize() {
      return Math.toIntExact(shape.get(1));
    }

    @Override
    public int length() {
      return Math.toIntExact(shape.get(2));
    }

    @Override
    public long stepsPerEpoch() {
      return shape.getFirst();
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      System.arraycopy(ids, Math.toIntExact(step) * inputs.length, inputs, 0, inputs.length);
      for (int i = 0; i < inputs.length; i++) {
        targets[i] = (i + 1) % length() == 0 ? CrossEntropyOp.IGNORE : inputs[i + 1];
      }
    }

    @Override
    public String fingerprint() {
      return "a".repeat(64);
    }
  }

  private static Path fixture(String folder, String name) {
    URL url = TrajectoryTest.class.getResource("/fixtures/" + folder + "/" + name);
    try {
      return Path.of(Objects.requireNonNull(url, name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static MambaModel model(String folder, Device device) throws IOException {
    Path config = fixture(folder, "config.json");
    LoadOptions options = LoadOptions.defaults().precision(Precision.F32).device(device);
    return MambaModel.load(Objects.requireNonNull(config.getParent()), options);
  }

  @ParameterizedTest
  @ValueSource(strings = {"train-mamba1", "train-mamba2"})
  void fit_tenSteps_followsTheReference(String folder) throws IOException {
    JsonObject expected = Json.readObject(fixture(folder, "trajectory.json"));
    double[] betas = expected.requireDoubles("betas");
    AdamW optimizer =
        new AdamW(
            expected.requireDouble("lr"),
            betas[0],
            betas[1],
            expected.requireDouble("eps"),
            expected.requireDouble("weight_decay"));
    Toys.Recorder recorder = new Toys.Recorder();

    try (SafetensorsFile file = SafetensorsFile.open(fixture(folder, "trajectory.safetensors"));
        Device device = TestDevice.open(2);
        MambaModel model = model(folder, device);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(new Recorded(file.require("input_ids")))
                .epochs(1)
                .optimizer(optimizer)
                .clipNorm(expected.requireDouble("clip"))
                .listener(recorder)
                .build()) {
      trainer.fit();

      double[] losses = expected.requireDoubles("losses");
      double[] norms = expected.requireDoubles("grad_norms");
      assertThat(recorder.steps).hasSameSizeAs(losses);
      for (int i = 0; i < losses.length; i++) {
        StepMetrics step = recorder.steps.get(i);
        assertThat(step.loss()).as("loss %d", i).isCloseTo(losses[i], within(1e-4 * losses[i]));
        assertThat(step.gradientNorm())
            .as("norm %d", i)
            .isCloseTo(norms[i], within(1e-4 * norms[i]));
      }
      for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
        float[] weights = file.require("final." + entry.getKey()).toFloatArray();
        assertClose(entry.getKey(), entry.getValue().toFloats(), weights);
      }
    }
  }

  private static void assertClose(String name, float[] actual, float[] expected) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(actual).as(name).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).as("%s[%d]", name, i).isCloseTo(expected[i], within(1e-4f * largest));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"train-mamba1", "train-mamba2"})
  void decays_parametersOfTheReference_agree(String folder) throws IOException {
    List<String> withoutDecay =
        Json.readObject(fixture(folder, "trajectory.json")).requireStrings("no_decay");
    List<String> ours = new ArrayList<>();

    try (Device device = TestDevice.open(1);
        MambaModel model = model(folder, device)) {
      for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
        if (!AdamW.decays(entry.getKey(), entry.getValue().shape().rank())) {
          ours.add(entry.getKey());
        }
      }
    }

    assertThat(ours).containsExactlyInAnyOrderElementsOf(withoutDecay);
  }
}
