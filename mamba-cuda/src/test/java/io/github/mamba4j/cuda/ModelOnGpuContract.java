package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.generate.FinishReason;
import io.github.mamba4j.generate.GeneratedToken;
import io.github.mamba4j.generate.Generation;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.Sampler;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenHistory;
import io.github.mamba4j.generate.TokenStream;
import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.LoadOptions;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.BatchSource;
import io.github.mamba4j.train.TrainingStep;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models on a GPU give what they give on the CPU. */
abstract class ModelOnGpuContract {
  private static final int VOCAB = 37;
  private static final int STEPS = 4;

  /** Opens the GPU. */
  abstract CudaBackend open();

  /** Random tokens, the same for the same step; the last target of a row is ignored. */
  private record Noise(int batchSize, int length, long stepsPerEpoch) implements BatchSource {
    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      Random random = new Random(step);
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = random.nextInt(VOCAB);
      }
      for (int i = 0; i < inputs.length; i++) {
        targets[i] = (i + 1) % length == 0 ? CrossEntropyOp.IGNORE : inputs[i + 1];
      }
    }

    @Override
    public String fingerprint() {
      return "0".repeat(64);
    }
  }

  private static MambaModel model(Device device, Architecture architecture) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(architecture)
            .dModel(16)
            .nLayers(2)
            .vocabSize(VOCAB)
            .dState(8)
            .seed(7)
            .device(device);
    return architecture == Architecture.MAMBA2
        ? builder.headDim(8).chunkSize(16).build()
        : builder.build();
  }

  /** Returns loss and gradient norm of a few steps. */
  private static double[] trajectory(MambaModel model, DType activations) {
    return trajectory(model, activations, Integer.MAX_VALUE);
  }

  private static double[] trajectory(MambaModel model, DType activations, int pieceLength) {
    Noise data = new Noise(2, 21, STEPS);
    double[] figures = new double[2 * STEPS];
    try (TrainingStep step =
        TrainingStep.open(model, data, AdamW.of(1e-3), 1, 1, activations, pieceLength)) {
      for (int i = 0; i < STEPS; i++) {
        assertThat(step.run(data, 0, i, 1e-3)).isTrue();
        figures[2 * i] = step.loss();
        figures[2 * i + 1] = step.gradientNorm();
      }
    }
    return figures;
  }

  private static void assertClose(double[] actual, double[] expected, double tolerance) {
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i])
          .as("figure %d", i)
          .isCloseTo(expected[i], within(tolerance * Math.abs(expected[i])));
    }
  }

  @ParameterizedTest
  @EnumSource
  void training_float32_takesTheStepsOfTheCpu(Architecture architecture) {
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1);
        MambaModel onGpu = model(gpu, architecture);
        MambaModel onCpu = model(cpu, architecture)) {
      assertClose(trajectory(onGpu, DType.F32), trajectory(onCpu, DType.F32), 2e-5);
    }
  }

  @ParameterizedTest
  @EnumSource
  void training_truncatedBackpropagation_takesTheStepsOfTheCpu(Architecture architecture) {
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1);
        MambaModel onGpu = model(gpu, architecture);
        MambaModel onCpu = model(cpu, architecture)) {
      assertClose(trajectory(onGpu, DType.F32, 8), trajectory(onCpu, DType.F32, 8), 2e-5);
      assertClose(trajectory(onGpu, DType.BF16, 8), trajectory(onCpu, DType.F32, 8), 2e-2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void training_mixedPrecision_staysNearTheStepsOfTheCpu(Architecture architecture) {
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1);
        MambaModel onGpu = model(gpu, architecture);
        MambaModel onCpu = model(cpu, architecture)) {
      assertClose(trajectory(onGpu, DType.BF16), trajectory(onCpu, DType.F32), 2e-2);
    }
  }

  /** The kept copies of weights are those of an optimiser's step, and of values written later. */
  @ParameterizedTest
  @EnumSource
  void training_mixedPrecision_goesOnFromTheWeights(Architecture architecture) {
    Noise data = new Noise(2, 21, STEPS);
    try (Device gpu = Device.of(open());
        MambaModel trained = model(gpu, architecture);
        TrainingStep step = TrainingStep.open(trained, data, AdamW.of(1e-2), 1, 1, DType.BF16)) {
      step.run(data, 0, 0, 1e-2);
      double first = step.loss();
      step.run(data, 0, 1, 1e-2);
      try (MambaModel fresh = model(gpu, architecture)) {
        copy(trained, fresh);
        step.run(data, 0, 2, 1e-2);
        assertThat(firstLoss(fresh, data, 2)).isEqualTo(step.loss());
      }
      try (MambaModel fresh = model(gpu, architecture)) {
        copy(fresh, trained);
      }
      step.run(data, 0, 0, 1e-2);
      assertThat(step.loss()).isEqualTo(first);
    }
  }

  private static double firstLoss(MambaModel model, Noise data, int index) {
    try (TrainingStep step = TrainingStep.open(model, data, AdamW.of(1e-2), 1, 1, DType.BF16)) {
      step.run(data, 0, index, 0);
      return step.loss();
    }
  }

  private static void copy(MambaModel from, MambaModel to) {
    to.parameters()
        .forEach((name, parameter) -> {
          float[] values = from.parameters().get(name).toFloats();
          parameter.write(MemorySegment.ofArray(values));
        });
  }

  @ParameterizedTest
  @EnumSource
  void training_accumulating_addsTheGradientsOfItsBatches(Architecture architecture) {
    Noise data = new Noise(2, 21, STEPS);
    double[][] norms = new double[2][2];
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1)) {
      Device[] devices = {gpu, cpu};
      for (int i = 0; i < devices.length; i++) {
        try (MambaModel model = model(devices[i], architecture);
            TrainingStep step = TrainingStep.open(model, data, AdamW.of(1e-3), 1, 2)) {
          for (int j = 0; j < 2; j++) {
            step.run(data, 0, j, 1e-3);
            norms[i][j] = step.gradientNorm();
          }
        }
      }
    }
    assertClose(norms[0], norms[1], 2e-5);
  }

  @ParameterizedTest
  @EnumSource
  void training_twice_hasTheSameBits(Architecture architecture) {
    double[][] runs = new double[2][];
    for (int i = 0; i < runs.length; i++) {
      try (Device gpu = Device.of(open());
          MambaModel model = model(gpu, architecture)) {
        runs[i] = trajectory(model, DType.BF16);
      }
    }
    assertThat(runs[1]).isEqualTo(runs[0]);
  }

  private static MambaModel halfModel(Device device) {
    try (MambaModel full =
        MambaModel.builder()
            .dModel(64)
            .nLayers(3)
            .vocabSize(VOCAB)
            .seed(7)
            .device(device)
            .build()) {
      return full.withPrecision(Precision.BF16);
    }
  }

  private static float[] logits(InferenceState state) {
    return state.logits().toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void steps_halfWeights_stayNearTheLogitsOfTheCpu() {
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1);
        MambaModel onGpu = halfModel(gpu);
        MambaModel onCpu = halfModel(cpu);
        InferenceState gpuState = onGpu.newState();
        InferenceState cpuState = onCpu.newState()) {
      for (InferenceState state : new InferenceState[] {gpuState, cpuState}) {
        state.prefill(1, 2, 3, 4, 5);
        for (int token = 0; token < 9; token++) {
          state.step(token);
        }
      }
      float[] expected = logits(cpuState);
      float largest = 0;
      for (float logit : expected) {
        largest = Math.max(largest, Math.abs(logit));
      }
      assertThat(logits(gpuState)).containsExactly(expected, within(2e-2f * largest));
    }
  }

  /** Of three, and of two of them. */
  @Test
  void steps_halfWeights_giveEachSequenceTheSameBitsBesideAnyOthers() {
    try (Device gpu = Device.of(open());
        MambaModel model = halfModel(gpu);
        InferenceState three = model.newState(3);
        InferenceState two = model.newState(2)) {
      three.step(1, 2, 3);
      three.step(4, 5, 6);
      two.step(2, 3);
      two.step(5, 6);
      assertThat(logits(two)).isEqualTo(Arrays.copyOfRange(logits(three), VOCAB, 3 * VOCAB));
    }
  }

  @ParameterizedTest
  @CsvSource({
    // temperature, top-k, top-p, penalty
    "1, 1, 1, 1",
    "0.8, 0, 1, 1",
    "1, 5, 1, 1.3",
    "1.2, 0, 0.8, 1"
  })
  void generate_everyKindOfSampling_givesTheTokensThatTheHostChooses(
      double temperature, int topK, double topP, double penalty) {
    SamplingOptions options =
        SamplingOptions.builder()
            .temperature(temperature)
            .topK(topK)
            .topP(topP)
            .repetitionPenalty(penalty)
            .maxNewTokens(6)
            .seed(5)
            .build();
    int[] prompt = {1, 2, 3};
    try (Device gpu = Device.of(open());
        MambaModel model = model(gpu, Architecture.MAMBA1);
        InferenceState state = model.newState()) {
      Generation generation = Generator.of(model).generate(prompt, options);
      Sampler sampler = new Sampler(options, VOCAB);
      TokenHistory history = TokenHistory.of(prompt);
      state.prefill(prompt);
      for (GeneratedToken token : generation.tokens()) {
        int expected = sampler.next(state.logits(), 0, history);
        assertThat(token.id()).isEqualTo(expected);
        assertThat(token.logProbability()).isCloseTo(sampler.logProbability(), within(1e-4));
        history.add(expected);
        state.step(expected);
      }
      assertThat(generation.tokens()).hasSize(6);
    }
  }

  /** The device has read on by then; at the end of the tokens that were asked for it has not. */
  @ParameterizedTest
  @CsvSource({"STOP_TOKEN", "MAX_TOKENS", "CANCELLED"})
  void generate_onAState_leavesWhatEveryTokenButTheLastLeaves(FinishReason end) {
    int[] prompt = {1, 2, 3};
    try (Device gpu = Device.of(open());
        MambaModel model = model(gpu, Architecture.MAMBA1);
        InferenceState state = model.newState();
        InferenceState expected = model.newState()) {
      Generator generator = Generator.of(model);
      SamplingOptions longer = SamplingOptions.builder().seed(3).maxNewTokens(9).build();
      int[] free = generator.generate(prompt, longer).ids();
      SamplingOptions.Builder options =
          SamplingOptions.builder().seed(3).maxNewTokens(end == FinishReason.MAX_TOKENS ? 5 : 9);
      if (end == FinishReason.STOP_TOKEN) {
        options.stopTokens(free[4]);
      }
      List<Integer> made = new ArrayList<>();
      TokenStream stream = generator.stream(state, prompt, options.build());
      try (stream) {
        while (made.size() < 5 && stream.hasNext()) {
          made.add(stream.next().id());
        }
      }
      assertThat(stream.finishReason()).contains(end);
      expected.prefill(prompt);
      for (int token : made.subList(0, made.size() - 1)) {
        expected.step(token);
      }
      assertThat(state.position()).isEqualTo(expected.position());
      assertThat(logits(state)).isEqualTo(logits(expected));
      for (InferenceState each : new InferenceState[] {state, expected}) {
        each.step(made.getLast());
      }
      assertThat(logits(state)).isEqualTo(logits(expected));
    }
  }

  @Test
  void generate_divergedModel_isIllegalStateAndLeavesTheGpuUsable() {
    try (Device gpu = Device.of(open());
        MambaModel model = model(gpu, Architecture.MAMBA1);
        InferenceState state = model.newState()) {
      Tensor norm = model.parameters().get("backbone.norm_f.weight");
      float[] sound = norm.toFloats();
      norm.fill(Float.NaN);
      Generator generator = Generator.of(model);
      SamplingOptions options = SamplingOptions.builder().maxNewTokens(4).build();
      assertThatIllegalStateException()
          .isThrownBy(() -> generator.generate(state, new int[] {1}, options))
          .withMessageContaining("the model has diverged");
      assertThat(state.position()).isEqualTo(1);
      norm.write(MemorySegment.ofArray(sound));
      state.reset();
      assertThat(generator.generate(state, new int[] {1}, options).ids()).hasSize(4);
    }
  }

  @Test
  void generate_badPrompt_leavesNothingOnTheGpu() {
    CudaBackend backend = open();
    try (Device gpu = Device.of(backend);
        MambaModel model = model(gpu, Architecture.MAMBA1)) {
      Generator generator = Generator.of(model);
      generator.generate(new int[] {1}, SamplingOptions.builder().greedy().maxNewTokens(1).build());
      int held = backend.gpu().held();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> generator.generate(new int[] {VOCAB}, SamplingOptions.greedy()));
      assertThat(backend.gpu().held()).isLessThanOrEqualTo(held);
    }
  }

  @Test
  void generate_again_holdsNoMoreGraphsAndMemory() {
    CudaBackend backend = open();
    try (Device gpu = Device.of(backend);
        MambaModel model = model(gpu, Architecture.MAMBA1)) {
      SamplingOptions options = SamplingOptions.builder().greedy().maxNewTokens(3).build();
      Generator.of(model).generate(new int[] {1, 2}, options);
      int held = backend.gpu().held();
      Generator.of(model).generate(new int[] {1, 2}, options);
      assertThat(backend.gpu().held()).isEqualTo(held);
    }
  }

  @ParameterizedTest
  @EnumSource
  void training_savedOnTheGpu_continuesOnTheCpu(Architecture architecture, @TempDir Path folder)
      throws IOException {
    Path onGpu = folder.resolve("gpu");
    Path onCpu = folder.resolve("cpu");
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1)) {
      try (MambaModel model = model(gpu, architecture)) {
        trajectory(model, DType.F32);
        model.save(onGpu);
      }
      try (MambaModel model = model(cpu, architecture)) {
        trajectory(model, DType.F32);
        model.save(onCpu);
      }
      LoadOptions whole = LoadOptions.defaults().precision(Precision.F32);
      try (MambaModel there = MambaModel.load(onCpu, whole.device(gpu));
          MambaModel back = MambaModel.load(onGpu, whole.device(cpu))) {
        assertClose(trajectory(there, DType.F32), trajectory(back, DType.F32), 1e-4);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void reading_promptAndSteps_givesTheLogitsOfTheCpu(Architecture architecture) {
    int[] prompt = IntStream.range(0, 70).map(i -> i * 7 % VOCAB).toArray();
    try (Device gpu = Device.of(open());
        Device cpu = Device.open("cpu", 1);
        MambaModel onGpu = model(gpu, architecture);
        MambaModel onCpu = model(cpu, architecture);
        InferenceState gpuState = onGpu.newState();
        InferenceState cpuState = onCpu.newState()) {
      for (InferenceState state : new InferenceState[] {gpuState, cpuState}) {
        state.prefill(prompt);
        state.step(3);
        state.step(5);
      }
      float[] expected = cpuState.logits().toArray(ValueLayout.JAVA_FLOAT);
      assertThat(gpuState.logits().toArray(ValueLayout.JAVA_FLOAT))
          .containsExactly(expected, within(2e-5f));
    }
  }
}
