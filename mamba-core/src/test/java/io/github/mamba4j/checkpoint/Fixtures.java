package io.github.mamba4j.checkpoint;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Objects;

/** The files that a reference implementation wrote. */
final class Fixtures {

  static final String[] SAFETENSORS = {
    "mamba1-tiny/model.safetensors",
    "mamba1-tiny/expected.safetensors",
    "mamba1-untied-bias/model.safetensors",
    "mamba1-untied-bias/expected.safetensors",
    "train-mamba1/model.safetensors",
    "train-mamba1/trajectory.safetensors",
  };

  private Fixtures() {}

  static Path path(String name) {
    URL url = Fixtures.class.getResource("/fixtures/" + name);
    try {
      return Path.of(Objects.requireNonNull(url, name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
