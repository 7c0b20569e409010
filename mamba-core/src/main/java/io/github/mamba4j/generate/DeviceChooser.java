package io.github.mamba4j.generate;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.tensor.SampleOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens where the logits are, so that a token and its probability are all that comes back
 * to the host. Draws within rounding of the border between two tokens may differ from the host's.
 */
final class DeviceChooser implements TokenChooser {
  private final Scope scope;
  private final Tensor logits;
  private final SampleOp.Steering steering;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment host = arena.allocate(ValueLayout.JAVA_INT, 2);
  private SampleOp.@Nullable Result result;
  private @Nullable Runnable choice;

  private DeviceChooser(Scope scope, Tensor logits, SamplingOptions options, TokenHistory history) {
    this.scope = scope;
    this.logits = logits;
    long seed = options.seed();
    float[] settings = new float[SamplingKernels.SETTINGS];
    settings[SamplingKernels.SCALE] = (float) (1 / options.temperature());
    settings[SamplingKernels.TOP_P] = (float) options.topP();
    settings[SamplingKernels.MIN_P] = (float) options.minP();
    settings[SamplingKernels.PENALTY] = (float) options.repetitionPenalty();
    int[] state = new int[SamplingKernels.STATE];
    state[SamplingKernels.TOP_K] = options.topK();
    state[SamplingKernels.SEED] = (int) seed;
    state[SamplingKernels.SEED + 1] = (int) (seed >>> Integer.SIZE);
    Tensor steeringSettings = scope.empty(Shape.of(1, settings.length));
    steeringSettings.write(MemorySegment.ofArray(settings));
    steering =
        new SampleOp.Steering(
            steeringSettings,
            scope.ints(Shape.of(1, state.length), state),
            options.repetitionPenalty() == 1 ? null : seen(scope, logits, history));
  }

  /** The bits of the tokens so far; the kernels add those that they choose. */
  private static Tensor seen(Scope scope, Tensor logits, TokenHistory history) {
    int vocab = logits.shape().lastDim();
    int[] words = new int[Math.ceilDiv(vocab, Integer.SIZE)];
    for (int i = 0; i < history.distinctSize(); i++) {
      int id = history.distinct(i);
      if (id < vocab) {
        words[id / Integer.SIZE] |= 1 << id % Integer.SIZE;
      }
    }
    return scope.ints(Shape.of(1, words.length), words);
  }

  /**
   * Opens a chooser for one sequence, if its device chooses tokens.
   *
   * @param state the sequence, which stays open longer
   * @param options how to choose
   * @param vocab the first tokens of the model's, to choose from
   * @param history the prompt
   */
  static Optional<TokenChooser> open(
      InferenceState state, SamplingOptions options, int vocab, TokenHistory history) {
    Scope scope = state.model().openScope();
    try {
      if (SampleOp.isAvailable(scope, vocab)) {
        Tensor logits = state.logitsOnDevice().narrow(0, vocab);
        return Optional.of(new DeviceChooser(scope, logits, options, history));
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
    scope.close();
    return Optional.empty();
  }

  @Override
  public int next(TokenHistory history) {
    if (choice == null) {
      choice = scope.record(() -> result = SampleOp.apply(logits, steering));
    } else {
      choice.run();
    }
    Objects.requireNonNull(result).both().read(host);
    int token = host.get(ValueLayout.JAVA_INT, 0);
    if (token < 0) {
      throw new IllegalStateException(
          "DeviceChooser: a logit is not a number or infinite, or all are negative infinity; the"
              + " model has diverged");
    }
    return token;
  }

  @Override
  public double logProbability() {
    return host.get(ValueLayout.JAVA_FLOAT, Float.BYTES);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      scope.close();
      arena.close();
    }
  }
}
