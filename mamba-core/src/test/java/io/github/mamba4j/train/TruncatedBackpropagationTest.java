package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.oracle.FiniteDifference;
import io.github.mamba4j.oracle.ReferenceMamba1;
import io.github.mamba4j.oracle.ReferenceMamba1.LayerState;
import io.github.mamba4j.oracle.ReferenceMamba2;
import io.github.mamba4j.oracle.ReferenceOps;
import io.github.mamba4j.oracle.ReferenceScan;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.tensor.TensorAssert;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Training in pieces with a carried state, against float64 with states as constants. */
class TruncatedBackpropagationTest {
  private static final int VOCAB = 8;
  private static final int BATCH = 2;
  private static final int LENGTH = 13;

  /** Three pieces of five steps, the last with two that do not count. */
  private static final int PIECE = 5;

  private static MambaModel model(Architecture kind) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(4)
            .nLayers(2)
            .vocabSize(VOCAB)
            .padVocabSizeMultiple(1)
            .dState(3)
            // Embeddings of ordinary size, so that differences over steps of 1e-3 are exact.
            .initializerRange(1)
            .seed(5)
            .device(TestDevice.name())
            .threads(1);
    return kind == Architecture.MAMBA1
        ? builder.dtRank(1).build()
        : builder.headDim(2).nGroups(2).chunkSize(4).build();
  }

  /** Random tokens of which some targets do not count, more at the end than at the beginning. */
  private static Toys.Fixed data(int length) {
    Random random = new Random(9);
    int[] inputs = random.ints((long) BATCH * length, 0, VOCAB).toArray();
    int[] targets = random.ints((long) BATCH * length, 0, VOCAB).toArray();
    for (int i = 0; i < targets.length; i++) {
      if (random.nextInt(length) < i % length) {
        targets[i] = CrossEntropyOp.IGNORE;
      }
    }
    return new Toys.Fixed(BATCH, length, 4, inputs, targets);
  }

  private static int[] columns(int[] rows, int length, int from, int to) {
    int[] part = new int[BATCH * (to - from)];
    for (int row = 0; row < BATCH; row++) {
      System.arraycopy(rows, row * length + from, part, row * (to - from), to - from);
    }
    return part;
  }

  /** One piece in float64: its tokens, what it begins with, its weight in the mean. */
  private static final class Piece {
    private final int[] ids;
    private final int[] targets;
    private final List<LayerState> before;
    private final double share;

    Piece(int[] ids, int[] targets, List<LayerState> before, double share) {
      this.ids = ids;
      this.targets = targets;
      this.before = before;
      this.share = share;
    }
  }

  /** A model in float64. */
  private record Truth(Architecture kind, Map<String, double[]> parameters) {
    static Truth of(Architecture kind, MambaModel model) {
      Map<String, double[]> parameters = new LinkedHashMap<>();
      model.parameters().forEach((name, tensor) -> parameters.put(name, doubles(tensor)));
      return new Truth(kind, parameters);
    }

    ReferenceMamba1.Result run(
        Map<String, double[]> point, int[] ids, @Nullable List<LayerState> before) {
      return kind == Architecture.MAMBA1
          ? ReferenceMamba1.model(
              new ReferenceMamba1.Config(4, 2, VOCAB, 3, 4, 2, 1, ReferenceScan.Rule.EULER),
              point,
              BATCH,
              ids,
              before)
          : ReferenceMamba2.model(
              new ReferenceMamba2.Config(4, 2, VOCAB, 8, 3, 4, 2, 2), point, BATCH, ids, before);
    }

    List<Piece> pieces(int[] inputs, int[] targets, int length, int pieceLength) {
      long all = counted(targets);
      List<Piece> pieces = new ArrayList<>();
      List<LayerState> before = null;
      for (int from = 0; from < length; from += pieceLength) {
        int to = Math.min(length, from + pieceLength);
        int[] ids = columns(inputs, length, from, to);
        int[] next = columns(targets, length, from, to);
        if (before == null) {
          before = zeros(run(parameters, ids, null).states());
        }
        pieces.add(new Piece(ids, next, before, (double) counted(next) / all));
        before = run(parameters, ids, before).states();
      }
      return pieces;
    }

    double loss(Map<String, double[]> point, List<Piece> pieces) {
      double loss = 0;
      for (Piece piece : pieces) {
        double[] logits = run(point, piece.ids, piece.before).out();
        loss += piece.share * ReferenceOps.crossEntropy(VOCAB, logits, piece.targets);
      }
      return loss;
    }

    Map<String, double[]> gradient(List<Piece> pieces) {
      Map<String, double[]> gradient = new LinkedHashMap<>();
      for (String name : parameters.keySet()) {
        gradient.put(
            name, FiniteDifference.gradient(point -> loss(point, pieces), parameters, name));
      }
      return gradient;
    }
  }

  private static List<LayerState> zeros(List<LayerState> like) {
    return like.stream()
        .map(s -> new LayerState(new double[s.conv().length], new double[s.ssm().length]))
        .toList();
  }

  private static long counted(int[] targets) {
    return Arrays.stream(targets).filter(target -> target != CrossEntropyOp.IGNORE).count();
  }

  private static double[] doubles(Tensor tensor) {
    float[] values = tensor.toFloats();
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  private static double norm(Map<String, double[]> gradient) {
    return Math.sqrt(
        gradient.values().stream().flatMapToDouble(Arrays::stream).map(g -> g * g).sum());
  }

  private static TrainingStep step(MambaModel model, BatchSource data, int pieceLength) {
    double noClipping = Double.POSITIVE_INFINITY;
    return TrainingStep.open(model, data, AdamW.of(1e-2), noClipping, 1, DType.F32, pieceLength);
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void loss_piecesWithAState_hasGradientsOfDetachedStates(Architecture kind) {
    int[] inputs = new int[BATCH * LENGTH];
    int[] targets = new int[BATCH * LENGTH];
    data(LENGTH).read(0, 0, inputs, targets);
    try (MambaModel model = model(kind);
        Scope scope = model.openGradientScope();
        InferenceState state = model.newState(BATCH)) {
      Truth truth = Truth.of(kind, model);
      List<Piece> pieces = truth.pieces(inputs, targets, LENGTH, PIECE);
      for (Piece piece : pieces) {
        scope.reset();
        Shape shape = Shape.of(BATCH, piece.ids.length / BATCH);
        Tensor ids = model.ids(scope, shape, piece.ids);
        Tensor loss = model.loss(ids, scope.ints(shape, piece.targets), state).mean();
        loss.backward((float) piece.share);
      }
      truth
          .gradient(pieces)
          .forEach((name, expected) -> {
            Tensor actual = model.parameters().get(name).grad().orElseThrow();
            TensorAssert.assertClose(name, actual.toFloats(), expected, 2e-5);
          });
      assertThat(state.position()).isEqualTo(LENGTH);
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void run_pieces_hasLossAndNormOfDetachedStates(Architecture kind) {
    int[] inputs = new int[BATCH * LENGTH];
    int[] targets = new int[BATCH * LENGTH];
    Toys.Fixed data = data(LENGTH);
    data.read(0, 0, inputs, targets);
    try (MambaModel model = model(kind);
        TrainingStep step = step(model, data, PIECE)) {
      Truth truth = Truth.of(kind, model);
      List<Piece> pieces = truth.pieces(inputs, targets, LENGTH, PIECE);
      double loss = truth.loss(truth.parameters, pieces);
      double norm = norm(truth.gradient(pieces));
      for (int i = 0; i < 3; i++) { // recorded, then replayed, from empty states each time
        assertThat(step.run(data, 0, i, 0)).isTrue();
        assertThat(step.loss()).isCloseTo(loss, within(1e-6));
        assertThat(step.gradientNorm()).isCloseTo(norm, within(2e-5 * norm));
        assertThat(step.targets()).isEqualTo(counted(targets));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void run_pieces_hasTheLossOfWholeSequences(Architecture kind) {
    Toys.Fixed data = data(67);
    double[] losses = new double[3];
    int[] pieceLengths = {67, 17, 1};
    try (MambaModel model = model(kind)) {
      for (int i = 0; i < losses.length; i++) {
        try (TrainingStep step = step(model, data, pieceLengths[i])) {
          step.run(data, 0, 0, 0);
          losses[i] = step.loss();
        }
      }
    }
    assertThat(losses[1]).isCloseTo(losses[0], within(2e-6));
    assertThat(losses[2]).isCloseTo(losses[0], within(2e-6));
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void run_sequencesOfOnePiece_takesTheOrdinarySteps(Architecture kind) {
    Toys.Fixed data = data(LENGTH);
    List<Map<String, float[]>> weights = new ArrayList<>();
    for (int pieceLength : new int[] {Integer.MAX_VALUE, LENGTH}) {
      try (MambaModel model = model(kind);
          TrainingStep step = step(model, data, pieceLength)) {
        for (int i = 0; i < 3; i++) {
          step.run(data, 0, i, 1e-2);
        }
        weights.add(Toys.weights(model));
      }
    }
    assertThat(weights.get(1)).usingRecursiveComparison().isEqualTo(weights.get(0));
  }

  /** The way through states gives the bits of the way without. */
  @ParameterizedTest
  @EnumSource(Architecture.class)
  void loss_onePieceFromAnEmptyState_hasTheBitsOfWholeSequences(Architecture kind) {
    int[] inputs = new int[BATCH * LENGTH];
    int[] targets = new int[BATCH * LENGTH];
    data(LENGTH).read(0, 0, inputs, targets);
    List<Map<String, float[]>> gradients = new ArrayList<>();
    for (boolean carried : new boolean[] {false, true}) {
      try (MambaModel model = model(kind);
          Scope scope = model.openGradientScope();
          InferenceState state = model.newState(BATCH)) {
        Tensor ids = model.ids(scope, Shape.of(BATCH, LENGTH), inputs);
        Tensor next = scope.ints(Shape.of(BATCH, LENGTH), targets);
        (carried ? model.loss(ids, next, state) : model.loss(ids, next)).mean().backward();
        Map<String, float[]> gradient = new LinkedHashMap<>();
        model
            .parameters()
            .forEach((name, tensor) -> gradient.put(name, tensor.grad().orElseThrow().toFloats()));
        gradients.add(gradient);
      }
    }
    assertThat(gradients.get(1)).usingRecursiveComparison().isEqualTo(gradients.get(0));
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void loss_withGradients_movesTheStateOnLikePrefill(Architecture kind) {
    int[] tokens = {1, 5, 2, 7, 0, 3, 3, 6};
    try (MambaModel model = model(kind);
        Scope scope = model.openGradientScope();
        InferenceState read = model.newState();
        InferenceState expected = model.newState()) {
      Tensor ids = model.ids(scope, Shape.of(1, tokens.length), tokens);
      model.loss(ids, ids, read);
      expected.prefill(tokens);

      float[] logits = read.logits().toArray(ValueLayout.JAVA_FLOAT);
      double[] wanted = new double[VOCAB];
      Arrays.setAll(wanted, i -> expected.logits().getAtIndex(ValueLayout.JAVA_FLOAT, i));
      TensorAssert.assertClose("logits", logits, wanted, 1e-5);
    }
  }

  @Test
  void run_moreAndMorePieces_takesNoMoreMemory() {
    long[] bytes = new long[2];
    int[] lengths = {2 * PIECE, 40 * PIECE};
    for (int i = 0; i < bytes.length; i++) {
      Toys.Fixed data = data(lengths[i]);
      try (MambaModel model = model(Architecture.MAMBA1);
          TrainingStep step = step(model, data, PIECE)) {
        step.run(data, 0, 0, 1e-2);
        step.run(data, 0, 1, 1e-2);
        bytes[i] = step.reservedBytes();
      }
    }
    assertThat(bytes[1]).isEqualTo(bytes[0]);
  }

  @Test
  void run_convolutionOfOneTap_carriesTheScanAlone() {
    Toys.Fixed data = data(LENGTH);
    try (MambaModel model =
            MambaModel.builder().dModel(4).nLayers(1).vocabSize(VOCAB).dConv(1).build();
        TrainingStep whole = step(model, data, LENGTH);
        TrainingStep pieces = step(model, data, PIECE)) {
      whole.run(data, 0, 0, 0);
      pieces.run(data, 0, 0, 0);
      assertThat(pieces.loss()).isCloseTo(whole.loss(), within(2e-6));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 12, 13, 14})
  void evaluate_pieces_equalsWholeSequences(int pieceLength) {
    Toys.Fixed data = data(LENGTH);
    try (MambaModel model = model(Architecture.MAMBA1);
        Evaluator pieces = Evaluator.open(model, data, pieceLength)) {
      Evaluation expected = Evaluator.evaluate(model, data);
      for (int i = 0; i < 2; i++) {
        Evaluation evaluation = pieces.evaluate();
        assertThat(evaluation.loss()).isCloseTo(expected.loss(), within(2e-6));
        assertThat(evaluation.accuracy()).isEqualTo(expected.accuracy());
        assertThat(evaluation.targets()).isEqualTo(expected.targets());
      }
    }
  }

  @Test
  void open_noPieceLength_isRefused() {
    try (MambaModel model = model(Architecture.MAMBA1)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> step(model, data(LENGTH), 0))
          .withMessage("TrainingStep: pieceLength must be positive, got 0");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Evaluator.open(model, data(LENGTH), -1))
          .withMessage("Evaluator: pieceLength must be positive, got -1");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Trainer.builder().truncatedBackpropagation(0))
          .withMessage("Trainer: truncatedBackpropagation must be positive, got 0");
    }
  }
}
