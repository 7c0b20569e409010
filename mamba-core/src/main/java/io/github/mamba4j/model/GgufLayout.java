package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.GgufMetadata;
import io.github.mamba4j.checkpoint.GgufType;
import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba1Mixer.StepWeights;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * GGUF as llama.cpp reads and writes it for {@code mamba} and {@code mamba2}: the configuration is
 * in the metadata, A is stored instead of its logarithm, and a few shapes differ.
 */
final class GgufLayout extends CheckpointLayout {
  private static final String ARCHITECTURE = "general.architecture";
  private static final String OWN = "mamba4j.";
  private static final int CONTEXT_LENGTH = 1 << 20;

  private final GgufMetadata metadata;
  private final MambaConfig config;

  private GgufLayout(GgufFile file, Map<String, TensorEntry> entries) throws CheckpointException {
    super(file, entries);
    this.metadata = file.keyValues();
    this.config = readConfig();
  }

  static GgufLayout of(GgufFile file) throws CheckpointException {
    String architecture = file.keyValues().requireString(ARCHITECTURE);
    boolean first = architecture.equals("mamba");
    if (!first && !architecture.equals("mamba2")) {
      throw new CheckpointException(
          file.path()
              + ": "
              + ARCHITECTURE
              + " is '"
              + architecture
              + "', expected 'mamba' or 'mamba2'");
    }
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    for (TensorEntry entry : file.entries()) {
      entries.put(GgufNames.ours(entry.name(), first), entry);
    }
    return new GgufLayout(file, entries);
  }

  @Override
  MambaConfig config() {
    return config;
  }

  private MambaConfig readConfig() throws CheckpointException {
    String prefix = metadata.requireString(ARCHITECTURE) + ".";
    int rows = rows();
    double eps = metadata.requireDouble(prefix + "attention.layer_norm_rms_epsilon");
    // Stored as a 32-bit float: the nearest short decimal is what was meant.
    double norm = Double.parseDouble(Float.toString((float) eps));
    try {
      return new MambaConfig(
          metadata.requireInt(prefix + "block_count"),
          Math.min(rows, metadata.intOr(OWN + "vocab_size", rows)),
          metadata.intOr(OWN + "pad_vocab_size_multiple", 1),
          prefix.equals("mamba.") ? readMamba1(prefix) : readMamba2(prefix, norm),
          !hasHead(),
          norm,
          0.02);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file().path() + ": " + e.getMessage(), e);
    }
  }

  private MixerConfig readMamba1(String prefix) throws CheckpointException {
    if (metadata.booleanOr(prefix + "ssm.dt_b_c_rms", false)) {
      throw new CheckpointException(
          file().path()
              + ": normalises Δ, B and C ("
              + prefix
              + "ssm.dt_b_c_rms, FalconMamba), which is not supported");
    }
    boolean zoh = metadata.stringOr(OWN + "discretization", "euler").equals("zoh");
    return new Mamba1Mixer.Config(
        metadata.requireInt(prefix + "embedding_length"),
        metadata.requireInt(prefix + "ssm.inner_size"),
        metadata.requireInt(prefix + "ssm.state_size"),
        metadata.requireInt(prefix + "ssm.conv_kernel"),
        metadata.requireInt(prefix + "ssm.time_step_rank"),
        false,
        hasConvBias(),
        new MixerConfig.StepInit(0.001, 0.1, 1e-4),
        1,
        StepWeights.RANDOM,
        zoh ? Discretization.ZOH : Discretization.EULER);
  }

  private MixerConfig readMamba2(String prefix, double eps) throws CheckpointException {
    int dInner = metadata.requireInt(prefix + "ssm.inner_size");
    int heads = metadata.requireInt(prefix + "ssm.time_step_rank");
    if (heads <= 0 || dInner % heads != 0) {
      throw new CheckpointException(
          file().path()
              + ": "
              + prefix
              + "ssm.time_step_rank is "
              + heads
              + ", expected a divisor of ssm.inner_size = "
              + dInner);
    }
    return new Mamba2Mixer.Config(
        metadata.requireInt(prefix + "embedding_length"),
        dInner,
        metadata.requireInt(prefix + "ssm.state_size"),
        metadata.requireInt(prefix + "ssm.conv_kernel"),
        dInner / heads,
        metadata.intOr(prefix + "ssm.group_count", 1),
        256,
        false,
        hasConvBias(),
        new MixerConfig.StepInit(0.001, 0.1, 1e-4),
        0,
        Double.POSITIVE_INFINITY,
        1,
        16,
        false,
        OutputNorm.GROUPS,
        false,
        eps);
  }

  private boolean hasConvBias() {
    return entries().containsKey("backbone.layers.0.mixer.conv1d.bias");
  }

  @Override
  long[] storedShape(String parameter, long[] shape) {
    return storedShape(config.mixer(), parameter, shape);
  }

  /** Returns the shape in which GGUF stores a parameter of a model. */
  static long[] storedShape(MixerConfig mixer, String parameter, long[] shape) {
    if (parameter.endsWith(".conv1d.weight")) {
      return new long[] {shape[0], shape[2]};
    }
    if (mixer instanceof Mamba2Mixer.Config two) {
      if (parameter.endsWith(".mixer.A_log") || parameter.endsWith(".mixer.D")) {
        return new long[] {shape[0], 1};
      }
      if (parameter.endsWith(".mixer.norm.weight")) {
        return new long[] {two.nGroups(), shape[0] / two.nGroups()};
      }
    }
    return shape;
  }

  @Override
  void decode(String parameter, MemorySegment floats) {
    if (parameter.endsWith(".mixer.A_log")) {
      for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
        float a = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.log(-a));
      }
    }
  }

  /** Turns a parameter's numbers into the stored ones, in place. */
  static void encode(String parameter, MemorySegment floats) {
    if (parameter.endsWith(".mixer.A_log")) {
      for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
        float log = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) -Math.exp(log));
      }
    }
  }

  /**
   * Writes the metadata of a model.
   *
   * @throws IllegalArgumentException if GGUF cannot express the model
   */
  static void write(MambaConfig config, GgufWriter writer) {
    MixerConfig mixer = config.mixer();
    String name = mixer instanceof Mamba1Mixer.Config ? "mamba" : "mamba2";
    writer.put(ARCHITECTURE, GgufType.STRING, name);
    String prefix = name + ".";
    putInt(writer, prefix + "context_length", CONTEXT_LENGTH);
    putInt(writer, prefix + "embedding_length", config.dModel());
    putInt(writer, prefix + "feed_forward_length", 0);
    putInt(writer, prefix + "attention.head_count", 0);
    putInt(writer, prefix + "block_count", config.nLayers());
    putInt(writer, prefix + "vocab_size", config.paddedVocabSize());
    putInt(writer, prefix + "ssm.conv_kernel", mixer.dConv());
    putInt(writer, prefix + "ssm.inner_size", mixer.dInner());
    putInt(writer, prefix + "ssm.state_size", mixer.dState());
    writer.put(
        prefix + "attention.layer_norm_rms_epsilon", GgufType.FLOAT32, (float) config.normEps());
    switch (mixer) {
      case Mamba1Mixer.Config one -> {
        requireExpressible(!one.bias(), "biases in the projections");
        putInt(writer, prefix + "ssm.time_step_rank", one.dtRank());
        if (one.discretization() == Discretization.ZOH) {
          writer.put(OWN + "discretization", GgufType.STRING, "zoh");
        }
      }
      case Mamba2Mixer.Config two -> {
        boolean groups = two.outputNorm() == OutputNorm.GROUPS || two.nGroups() == 1;
        requireExpressible(!two.bias(), "biases in the projections");
        requireExpressible(groups, "a norm over several groups together");
        requireExpressible(two.outputNorm() != OutputNorm.NONE, "no output norm");
        requireExpressible(!two.normFirst(), "a norm before the gate");
        requireExpressible(!two.skipPerChannel(), "a D of one element a channel");
        requireExpressible(
            two.stepLimitMin() == 0 && Double.isInfinite(two.stepLimitMax()), "step limits");
        putInt(writer, prefix + "ssm.time_step_rank", two.heads());
        putInt(writer, prefix + "ssm.group_count", two.nGroups());
      }
    }
    putInt(writer, OWN + "vocab_size", config.vocabSize());
    putInt(writer, OWN + "pad_vocab_size_multiple", config.padVocabSizeMultiple());
  }

  private static void putInt(GgufWriter writer, String key, int value) {
    writer.put(key, GgufType.UINT32, (long) value);
  }

  private static void requireExpressible(boolean holds, String what) {
    if (!holds) {
      throw new IllegalArgumentException(
          "MambaModel: GGUF cannot express " + what + "; save in Hugging Face's layout");
    }
  }
}
