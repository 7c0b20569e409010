package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.GgufArchitecture;
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
import java.util.List;
import java.util.Map;

/**
 * GGUF as llama.cpp reads and writes it for {@code mamba} and {@code mamba2}: the configuration is
 * in the metadata, A is stored instead of its logarithm, and a few shapes differ.
 */
final class GgufLayout extends CheckpointLayout {
  private static final String ARCHITECTURE = "general.architecture";
  private static final String OWN = "mamba4j.";
  private static final int CONTEXT_LENGTH = 1 << 20;

  private final GgufArchitecture architecture;
  private final GgufMetadata metadata;
  private final MambaConfig config;

  private GgufLayout(GgufFile file, GgufArchitecture architecture, Map<String, TensorEntry> entries)
      throws CheckpointException {
    super(file, entries);
    this.architecture = architecture;
    this.metadata = file.keyValues();
    this.config = readConfig();
  }

  static GgufLayout of(GgufFile file) throws CheckpointException {
    GgufArchitecture architecture = GgufArchitecture.of(file.keyValues());
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    for (TensorEntry entry : file.entries()) {
      String parameter = architecture.stateDictName(entry.name());
      entries.put(parameter == null ? entry.name() : parameter, entry);
    }
    return new GgufLayout(file, architecture, entries);
  }

  @Override
  MambaConfig config() {
    return config;
  }

  private MambaConfig readConfig() throws CheckpointException {
    int rows = rows();
    double eps = metadata.requireDouble(architecture.key(GgufArchitecture.NORM_EPSILON));
    // Stored as a 32-bit float: the nearest short decimal is what was meant.
    double norm = Double.parseDouble(Float.toString((float) eps));
    try {
      return new MambaConfig(
          requireInt(GgufArchitecture.BLOCK_COUNT),
          Math.min(rows, metadata.intOr(OWN + "vocab_size", rows)),
          metadata.intOr(OWN + "pad_vocab_size_multiple", 1),
          architecture == GgufArchitecture.MAMBA ? readMamba1() : readMamba2(norm),
          !hasHead(),
          norm,
          0.02);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file().path() + ": " + e.getMessage(), e);
    }
  }

  private MixerConfig readMamba1() throws CheckpointException {
    if (metadata.booleanOr(architecture.key(GgufArchitecture.DT_B_C_NORM), false)) {
      throw new CheckpointException(
          file().path()
              + ": normalises Δ, B and C (dt_b_c_rms, FalconMamba), which is not supported");
    }
    boolean zoh = metadata.stringOr(OWN + "discretization", "euler").equals("zoh");
    return new Mamba1Mixer.Config(
        requireInt(GgufArchitecture.EMBEDDING_LENGTH),
        requireInt(GgufArchitecture.INNER_SIZE),
        requireInt(GgufArchitecture.STATE_SIZE),
        requireInt(GgufArchitecture.CONV_KERNEL),
        requireInt(GgufArchitecture.TIME_STEP_RANK),
        false,
        hasConvBias(),
        new MixerConfig.StepInit(0.001, 0.1, 1e-4),
        1,
        StepWeights.RANDOM,
        zoh ? Discretization.ZOH : Discretization.EULER);
  }

  private MixerConfig readMamba2(double eps) throws CheckpointException {
    int dInner = requireInt(GgufArchitecture.INNER_SIZE);
    int heads = requireInt(GgufArchitecture.TIME_STEP_RANK);
    if (heads <= 0 || dInner % heads != 0) {
      throw new CheckpointException(
          file().path()
              + ": ssm.time_step_rank is "
              + heads
              + ", expected a divisor of ssm.inner_size = "
              + dInner);
    }
    return new Mamba2Mixer.Config(
        requireInt(GgufArchitecture.EMBEDDING_LENGTH),
        dInner,
        requireInt(GgufArchitecture.STATE_SIZE),
        requireInt(GgufArchitecture.CONV_KERNEL),
        dInner / heads,
        metadata.intOr(architecture.key(GgufArchitecture.GROUP_COUNT), 1),
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

  private int requireInt(String suffix) throws CheckpointException {
    return metadata.requireInt(architecture.key(suffix));
  }

  private boolean hasConvBias() {
    return entries().containsKey("backbone.layers.0.mixer.conv1d.bias");
  }

  @Override
  List<Long> storedShape(String parameter, List<Long> shape) {
    return architecture.ggufShape(parameter, shape, groups(config.mixer()));
  }

  @Override
  void decode(String parameter, MemorySegment floats) {
    if (parameter.endsWith(".mixer.A_log")) {
      // In an array, which is fast before the loop is compiled well.
      float[] values = floats.toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < values.length; i++) {
        values[i] = GgufArchitecture.fromNegativeExponential(values[i]);
      }
      MemorySegment.copy(values, 0, floats, ValueLayout.JAVA_FLOAT, 0, values.length);
    }
  }

  private static GgufArchitecture architecture(MixerConfig mixer) {
    return switch (mixer) {
      case Mamba1Mixer.Config _ -> GgufArchitecture.MAMBA;
      case Mamba2Mixer.Config _ -> GgufArchitecture.MAMBA2;
    };
  }

  private static int groups(MixerConfig mixer) {
    return mixer instanceof Mamba2Mixer.Config two ? two.nGroups() : 1;
  }

  /**
   * Adds a parameter to a file.
   *
   * @param mixer the model's mixers
   * @param name the parameter
   * @param values its numbers, whose memory may be changed
   * @param writer the file
   */
  static void add(MixerConfig mixer, String name, ModelWriter.Values values, GgufWriter writer) {
    GgufArchitecture architecture = architecture(mixer);
    String stored = architecture.ggufName(name);
    if (stored == null) {
      throw new IllegalArgumentException("MambaModel: GGUF has no name for " + name);
    }
    List<Long> shape = architecture.ggufShape(name, values.shape(), groups(mixer));
    MemorySegment memory = values.memory();
    if (values.asStored()) {
      writer.add(stored, values.type(), shape, memory);
      return;
    }
    if (GgufArchitecture.isNegativeExponential(stored)) {
      for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
        float log = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, GgufArchitecture.toNegativeExponential(log));
      }
    }
    writer.addFloats(stored, values.type(), shape, memory);
  }

  /**
   * Writes the metadata of a model.
   *
   * @throws IllegalArgumentException if GGUF cannot express the model
   */
  static void write(MambaConfig config, GgufWriter writer) {
    MixerConfig mixer = config.mixer();
    GgufArchitecture architecture = architecture(mixer);
    writer.put(ARCHITECTURE, GgufType.STRING, architecture.id());
    putInt(writer, architecture.key(GgufArchitecture.CONTEXT_LENGTH), CONTEXT_LENGTH);
    putInt(writer, architecture.key(GgufArchitecture.EMBEDDING_LENGTH), config.dModel());
    putInt(writer, architecture.key(GgufArchitecture.FEED_FORWARD_LENGTH), 0);
    putInt(writer, architecture.key(GgufArchitecture.HEAD_COUNT), 0);
    putInt(writer, architecture.key(GgufArchitecture.BLOCK_COUNT), config.nLayers());
    putInt(writer, architecture.key(GgufArchitecture.VOCAB_SIZE), config.paddedVocabSize());
    putInt(writer, architecture.key(GgufArchitecture.CONV_KERNEL), mixer.dConv());
    putInt(writer, architecture.key(GgufArchitecture.INNER_SIZE), mixer.dInner());
    putInt(writer, architecture.key(GgufArchitecture.STATE_SIZE), mixer.dState());
    String epsilon = architecture.key(GgufArchitecture.NORM_EPSILON);
    writer.put(epsilon, GgufType.FLOAT32, (float) config.normEps());
    String rank = architecture.key(GgufArchitecture.TIME_STEP_RANK);
    switch (mixer) {
      case Mamba1Mixer.Config one -> {
        requireExpressible(!one.bias(), "biases in the projections");
        putInt(writer, rank, one.dtRank());
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
        putInt(writer, rank, two.heads());
        putInt(writer, architecture.key(GgufArchitecture.GROUP_COUNT), two.nGroups());
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
