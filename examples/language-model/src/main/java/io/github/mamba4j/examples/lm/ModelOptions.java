package io.github.mamba4j.examples.lm;

import io.github.mamba4j.model.MambaConfig;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.tensor.Device;
import picocli.CommandLine.Option;

/** The shape of a new model. */
final class ModelOptions {
  @Option(
      names = "--d-model",
      paramLabel = "N",
      defaultValue = "128",
      description = "Width of the model (default: ${DEFAULT-VALUE}).")
  private int dModel;

  @Option(
      names = "--n-layers",
      paramLabel = "N",
      defaultValue = "2",
      description = "Number of blocks (default: ${DEFAULT-VALUE}).")
  private int nLayers;

  @Option(
      names = "--d-state",
      paramLabel = "N",
      defaultValue = "16",
      description = "State of each channel (default: ${DEFAULT-VALUE}).")
  private int dState;

  @Option(
      names = "--d-conv",
      paramLabel = "N",
      defaultValue = "4",
      description = "Width of the convolution (default: ${DEFAULT-VALUE}).")
  private int dConv;

  @Option(
      names = "--expand",
      paramLabel = "N",
      defaultValue = "2",
      description = "Inner width as a multiple of --d-model (default: ${DEFAULT-VALUE}).")
  private int expand;

  /** Refuses nonsense before any text is read. */
  void check() {
    MambaConfig config = BadInputException.refused(() -> builder(257, 0).config());
    RunOptions.positive("--d-model", config.dModel());
  }

  /** Makes the model; the device stays open when it is closed. */
  MambaModel build(int vocabSize, long seed, Device device) {
    return BadInputException.refused(() -> builder(vocabSize, seed).device(device)).build();
  }

  private MambaModelBuilder builder(int vocabSize, long seed) {
    return MambaModel.builder()
        .dModel(dModel)
        .nLayers(nLayers)
        .dState(dState)
        .dConv(dConv)
        .expand(expand)
        .vocabSize(vocabSize)
        .seed(seed);
  }
}
