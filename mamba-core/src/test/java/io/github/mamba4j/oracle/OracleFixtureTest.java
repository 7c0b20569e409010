package io.github.mamba4j.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.checkpoint.SafetensorsFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The oracle against what another implementation computed in float32 for the same weights. */
class OracleFixtureTest {

  static Stream<Arguments> models() {
    return Stream.of(
        Arguments.of(
            "mamba1-tiny",
            new ReferenceMamba1.Config(32, 2, 97, 8, 4, 2, 2, ReferenceScan.Rule.EULER)),
        Arguments.of(
            "mamba1-untied-bias",
            new ReferenceMamba1.Config(48, 3, 97, 16, 4, 2, 3, ReferenceScan.Rule.EULER)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void model_fixture_hasTheSameLogitsAndHiddenStates(String name, ReferenceMamba1.Config config)
      throws IOException, URISyntaxException {
    Map<String, double[]> parameters = floats(name + "/model.safetensors");
    Map<String, double[]> expected = floats(name + "/expected.safetensors");
    int[] ids = ids(name);
    int batch = batch(name);

    ReferenceMamba1.Result result = ReferenceMamba1.model(config, parameters, batch, ids, null);

    assertRelative("logits", result.out(), expected, 1e-6);
    for (int i = 0; i < result.hidden().size(); i++) {
      assertRelative("hidden." + i, result.hidden().get(i), expected, 1e-6);
    }
    double loss = ReferenceMamba1.nextTokenLoss(config, parameters, batch, ids);
    assertRelative("loss", new double[] {loss}, expected, 1e-6);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void model_fixtureGradients_equalDirectionalDifferences(
      String name, ReferenceMamba1.Config config) throws IOException, URISyntaxException {
    Map<String, double[]> parameters = floats(name + "/model.safetensors");
    Map<String, double[]> expected = floats(name + "/expected.safetensors");
    int[] ids = ids(name);
    int batch = batch(name);
    // The first layer's gradients come through all later layers; theirs would only cost time.
    Map<String, double[]> checked = new LinkedHashMap<>(parameters);
    checked.keySet().removeIf(key -> key.contains("layers.") && !key.contains("layers.0."));
    Random random = new Random(7);
    checked.forEach((parameter, value) -> {
      double[] gradient = require(expected, "grad." + parameter);
      double[] direction = random.doubles(value.length, -1, 1).toArray();
      double length = Math.sqrt(ReferenceOps.dot(direction, direction));
      Arrays.setAll(direction, i -> direction[i] / length);
      double actual =
          FiniteDifference.directional(
              moved ->
                  ReferenceMamba1.nextTokenLoss(
                      config, FiniteDifference.replaced(parameters, parameter, moved), batch, ids),
              value,
              direction);

      double scale = Math.sqrt(ReferenceOps.dot(gradient, gradient));
      assertThat(actual)
          .as(parameter)
          .isCloseTo(ReferenceOps.dot(gradient, direction), within(1e-5 * scale));
    });
  }

  private static void assertRelative(
      String name, double[] actual, Map<String, double[]> all, double tolerance) {
    double[] expected = require(all, name);
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertThat(actual).as(name).containsExactly(expected, within(tolerance * largest));
  }

  private static double[] require(Map<String, double[]> arrays, String name) {
    return Objects.requireNonNull(arrays.get(name), name);
  }

  private static int[] ids(String name) throws IOException, URISyntaxException {
    try (SafetensorsFile file = SafetensorsFile.open(path(name + "/expected.safetensors"))) {
      long[] ids = file.require("input_ids").toLongArray();
      return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }
  }

  private static int batch(String name) throws IOException, URISyntaxException {
    try (SafetensorsFile file = SafetensorsFile.open(path(name + "/expected.safetensors"))) {
      return Math.toIntExact(file.require("input_ids").shape().get(0));
    }
  }

  private static Map<String, double[]> floats(String name) throws IOException, URISyntaxException {
    Map<String, double[]> arrays = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(path(name))) {
      for (String key : file.names()) {
        if (!key.endsWith("_ids")) {
          float[] values = file.require(key).toFloatArray();
          double[] wide = new double[values.length];
          Arrays.setAll(wide, i -> values[i]);
          arrays.put(key, wide);
        }
      }
    }
    return arrays;
  }

  private static Path path(String name) throws URISyntaxException {
    URL url = OracleFixtureTest.class.getResource("/fixtures/" + name);
    return Path.of(Objects.requireNonNull(url, name).toURI());
  }
}
