package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The loss of a stream in pieces is that of whole forward passes over its sequences. */
@Tag("kernels")
class StreamEvaluatorTest {
  private static final int VOCAB = 29;

  private static MambaModel model(Architecture kind) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(24)
            .nLayers(2)
            .vocabSize(VOCAB)
            .dState(5)
            .seed(3)
            .device("cpu")
            .threads(1);
    return (kind == Architecture.MAMBA1 ? builder : builder.headDim(8).nGroups(2).chunkSize(16))
        .build();
  }

  private static int[] tokens(int count, long seed) {
    return new Random(seed).ints(count, 0, VOCAB).toArray();
  }

  /** Loss and hits of all tokens of a sequence but the first, by one forward pass. */
  private static double[] whole(MambaModel model, int[] tokens) {
    int length = tokens.length - 1;
    try (Scope scope = model.openScope()) {
      Tensor ids = model.ids(scope, Shape.of(1, length), Arrays.copyOf(tokens, length));
      int[] next = Arrays.copyOfRange(tokens, 1, tokens.length);
      CrossEntropyOp.Result result = model.loss(ids, scope.ints(Shape.of(1, length), next));
      double hits = 0;
      for (float hit : result.hits().toFloats()) {
        hits += hit;
      }
      return new double[] {(double) result.mean().toFloats()[0] * length, hits};
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void result_piecesOfAnySize_equalWholePasses(Architecture kind) {
    int[] first = tokens(61, 1);
    int[] second = tokens(28, 2);
    try (MambaModel model = model(kind)) {
      double[] one = whole(model, first);
      double[] two = whole(model, second);
      double expected = (one[0] + two[0]) / (60 + 27);
      for (int piece : new int[] {5, 16, 27, 60, 512}) {
        try (StreamEvaluator stream = StreamEvaluator.open(model, piece)) {
          stream.add(first);
          stream.endSequence();
          stream.add(second);
          Evaluation evaluation = stream.result();

          assertThat(evaluation.targets()).isEqualTo(60 + 27);
          assertThat(evaluation.loss()).as("piece %d", piece).isCloseTo(expected, within(2e-6));
          assertThat(evaluation.accuracy()).isEqualTo((one[1] + two[1]) / (60 + 27));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void add_tokensInAnyPortions_givesTheSame(Architecture kind) {
    int[] tokens = tokens(60, 4);
    Random random = new Random(5);
    try (MambaModel model = model(kind);
        StreamEvaluator stream = StreamEvaluator.open(model, 16)) {
      double expected = whole(model, tokens)[0] / 59;
      for (int at = 0; at < tokens.length; ) {
        int end = Math.min(tokens.length, at + random.nextInt(9));
        stream.add(Arrays.copyOfRange(tokens, at, end));
        at = end;
        if (at > 1) {
          // looking at the result in between changes nothing
          assertThat(stream.result().targets()).isEqualTo(at - 1);
        }
      }
      assertThat(stream.result().loss()).isCloseTo(expected, within(2e-6));
    }
  }

  @Test
  void endSequence_nextSequence_startsFromNothing() {
    int[] tokens = tokens(40, 6);
    try (MambaModel model = model(Architecture.MAMBA1);
        StreamEvaluator stream = StreamEvaluator.open(model)) {
      stream.add(tokens);
      double once = stream.result().loss();
      for (int i = 0; i < 2; i++) {
        stream.endSequence();
        stream.endSequence();
        stream.add(tokens);
      }
      assertThat(stream.result().targets()).isEqualTo(3 * 39);
      assertThat(stream.result().loss()).isCloseTo(once, within(1e-12));
    }
  }

  @Test
  void result_nothingPredicted_isIllegalState() {
    try (MambaModel model = model(Architecture.MAMBA1);
        StreamEvaluator stream = StreamEvaluator.open(model)) {
      stream.add();
      stream.add(3);
      assertThatIllegalStateException()
          .isThrownBy(stream::result)
          .withMessage("StreamEvaluator: no token was predicted, a sequence needs at least two");
      stream.add(4);
      assertThat(stream.result().targets()).isEqualTo(1);
    }
  }

  @Test
  void add_unknownToken_isRefusedAndNothingRead() {
    try (MambaModel model = model(Architecture.MAMBA1);
        StreamEvaluator stream = StreamEvaluator.open(model)) {
      int rows = model.config().paddedVocabSize();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.add(1, 2, rows))
          .withMessage(
              "StreamEvaluator: token id %d at index 2 does not exist, expected one in [0, %d)",
              rows, rows);
      assertThatIllegalArgumentException().isThrownBy(() -> stream.add(-1));
      assertThatIllegalStateException().isThrownBy(stream::result);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> StreamEvaluator.open(model, 0))
          .withMessage("StreamEvaluator: pieceLength is 0, expected 1 to 2^24");
    }
  }

  @Test
  void loss_withAState_movesItOnLikePrefill() {
    int[] tokens = tokens(21, 8);
    try (MambaModel model = model(Architecture.MAMBA2);
        Scope scope = model.openScope();
        InferenceState read = model.newState();
        InferenceState expected = model.newState()) {
      Tensor ids = model.ids(scope, Shape.of(1, 20), Arrays.copyOf(tokens, 20));
      Tensor next = scope.ints(Shape.of(1, 20), Arrays.copyOfRange(tokens, 1, 21));
      model.loss(ids, next, read);
      expected.prefill(Arrays.copyOf(tokens, 20));

      assertThat(read.position()).isEqualTo(20);
      assertThat(read.logits().toArray(ValueLayout.JAVA_FLOAT))
          .isEqualTo(expected.logits().toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @Test
  void loss_stateOfAnotherModelOrBatch_isRefused() {
    try (MambaModel model = model(Architecture.MAMBA1);
        MambaModel other = model(Architecture.MAMBA1);
        Scope scope = model.openScope();
        InferenceState state = model.newState();
        InferenceState foreign = other.newState()) {
      Tensor ids = model.ids(scope, Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.loss(ids, ids, foreign))
          .withMessage("MambaModel: the state belongs to another model");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.loss(ids, ids, state))
          .withMessageContaining("ids has shape [2, 3], expected [batch, length] with batch = 1");
      assertThat(state.position()).isZero();
    }
  }
}
