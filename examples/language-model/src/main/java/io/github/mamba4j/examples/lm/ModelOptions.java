package io.github.mamba4j.examples.lm;

import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.MambaConfig;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.tensor.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The shape of a new model. */
final class ModelOptions {
  /** The spellings of --architecture. */
  enum Kind {
    MAMBA1(Architecture.MAMBA1),
    MAMBA2(Architecture.MAMBA2);

    private final Architecture architecture;

    Kind(Architecture architecture) {
      this.architecture = architecture;
    }
  }

  @Option(
      names = "--architecture",
      paramLabel = "KIND",
      defaultValue = "mamba1",
      description = "mamba1 or mamba2 (default: ${DEFAULT-VALUE}).")
  private Kind kind = Kind.MAMBA1;

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
      description = "State of each channel (default: 16, mamba2: 128).")
  private @Nullable Integer dState;

  @Option(
      names = "--head-dim",
      paramLabel = "N",
      description = "Channels of each head, mamba2 only (default: 64).")
  private @Nullable Integer headDim;

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
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind.architecture)
            .dModel(dModel)
            .nLayers(nLayers)
            .dConv(dConv)
            .expand(expand)
            .vocabSize(vocabSize)
            .seed(seed);
    if (dState != null) {
      builder.dState(dState);
    }
    if (headDim != null) {
      builder.headDim(headDim);
    }
    return builder;
  }
}
