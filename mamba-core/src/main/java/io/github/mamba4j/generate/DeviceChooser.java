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
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens where the logits are, so that a token and its probability are all that comes back
 * to the host. Draws within rounding of the border between two tokens may differ from the host's.
 *
 * <p>It is a token ahead, so that the device never waits for the host: before the host waits for a
 * token, the device has been told to read that token, whichever it will be, and to choose the next.
 * What ends before the next is wanted, such as at a stop token, takes the reading back.
 */
final class DeviceChooser implements TokenChooser {
  private final InferenceState state;
  private final boolean owned;
  private final Scope scope;
  private final Tensor logits;
  private final SampleOp.Steering steering;
  private final Arena arena = Arena.ofShared();

  /** Where tokens arrive, in turn: one is read while the next is on its way. */
  private final MemorySegment[] hosts = new MemorySegment[2];

  /** Index of the host memory that was asked for last. */
  private int asked;

  /** Index of the token that was given last. */
  private int given;

  private @Nullable Runnable choice;

  /** Waits for the token that was asked for ahead. */
  private @Nullable Runnable ahead;

  private DeviceChooser(
      InferenceState state,
      boolean owned,
      Scope scope,
      Tensor logits,
      SamplingOptions options,
      TokenHistory history) {
    this.state = state;
    this.owned = owned;
    this.scope = scope;
    this.logits = logits;
    long seed = options.seed();
    float[] settings = new float[SamplingKernels.SETTINGS];
    settings[SamplingKernels.SCALE] = (float) (1 / options.temperature());
    settings[SamplingKernels.TOP_P] = (float) options.topP();
    settings[SamplingKernels.MIN_P] = (float) options.minP();
    settings[SamplingKernels.PENALTY] = (float) options.repetitionPenalty();
    int[] draws = new int[SamplingKernels.STATE];
    draws[SamplingKernels.TOP_K] = options.topK();
    draws[SamplingKernels.SEED] = (int) seed;
    draws[SamplingKernels.SEED + 1] = (int) (seed >>> Integer.SIZE);
    Tensor steeringSettings = scope.empty(Shape.of(1, settings.length));
    steeringSettings.write(MemorySegment.ofArray(settings));
    steering =
        new SampleOp.Steering(
            steeringSettings,
            scope.ints(Shape.of(1, draws.length), draws),
            options.repetitionPenalty() == 1 ? null : seen(scope, logits, history));
    long bytes = state.chosen().shape().elements() * Integer.BYTES;
    MemorySegment host = state.model().device().hostMemory(hosts.length * bytes, arena);
    for (int i = 0; i < hosts.length; i++) {
      hosts[i] = host.asSlice(i * bytes, bytes);
    }
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
   * @param owned whether nobody wants the state afterwards
   * @param options how to choose
   * @param vocab the first tokens of the model's, to choose from
   * @param history the prompt
   */
  static Optional<TokenChooser> open(
      InferenceState state,
      boolean owned,
      SamplingOptions options,
      int vocab,
      TokenHistory history) {
    Scope scope = state.model().openScope();
    try {
      if (SampleOp.isAvailable(scope, vocab)) {
        Tensor logits = state.logitsOnDevice().narrow(0, vocab);
        return Optional.of(new DeviceChooser(state, owned, scope, logits, options, history));
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
    scope.close();
    return Optional.empty();
  }

  @Override
  public int next(TokenHistory history, boolean last) {
    Runnable arrival = ahead == null ? choose() : ahead;
    ahead = null;
    given = asked;
    if (!last) {
      if (!owned) {
        state.mark();
      }
      state.stepOnDevice();
      ahead = choose();
    }
    arrival.run();
    if (Double.isNaN(logProbability())) {
      throw new IllegalStateException(
          "DeviceChooser: a logit is not a number or infinite, or all are negative infinity; the"
              + " model has diverged");
    }
    return hosts[given].get(ValueLayout.JAVA_INT, 0);
  }

  /** Lets the device choose from the logits that come next; returns what waits for the token. */
  private Runnable choose() {
    if (choice == null) {
      choice = scope.record(() -> SampleOp.apply(logits, steering, state.chosen()));
    } else {
      choice.run();
    }
    asked = 1 - asked;
    return state.chosen().readLater(hosts[asked]);
  }

  @Override
  public double logProbability() {
    return hosts[given].get(ValueLayout.JAVA_FLOAT, Float.BYTES);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      if (ahead != null) {
        ahead.run();
        ahead = null;
        if (!owned) {
          state.rewind();
        }
      }
      scope.close();
      arena.close();
    }
  }
}
