package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.View;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The choice of a token from each row of logits, on devices that do it where the logits are; steps
 * and order are those of {@link io.github.mamba4j.generate.Sampler}.
 */
public final class SampleOp {
  private static final String OP = "sample";

  private SampleOp() {}

  /**
   * What steers the rows' choices; a call counts draws and seen tokens on.
   *
   * @param settings temperatures and filters, [rows, {@link SamplingKernels#SETTINGS}]
   * @param state top-k, seed and draws, {@link DType#I32}, [rows, {@link SamplingKernels#STATE}]
   * @param seen a bit for each token that the repetition penalty meets, {@link DType#I32}, [rows,
   *     vocab / 32 rounded up], or null for no penalty
   */
  public record Steering(Tensor settings, Tensor state, @Nullable Tensor seen) {}

  /**
   * Returns whether a device chooses tokens.
   *
   * @param scope a scope on it
   * @param vocab how many tokens there are to choose from
   * @return false if the host must choose
   */
  public static boolean isAvailable(Scope scope, int vocab) {
    return vocab <= SamplingKernels.MOST_VOCAB && scope.backend().sampling().isPresent();
  }

  /**
   * Chooses.
   *
   * @param logits [rows, vocab], whose rows may lie apart
   * @param steering what steers the choices
   * @param chosen {@link DType#I32}, [2, rows], overwritten: the tokens, then the bits of their
   *     log-probabilities under the softmax of the logits as given; token 0 and NaN where a logit
   *     is NaN or positive infinity, or all are negative infinity
   * @throws ShapeMismatchException if the shapes do not fit
   * @throws IllegalStateException if the device does not choose tokens
   */
  public static void apply(Tensor logits, Steering steering, Tensor chosen) {
    ShapeRules.rank(OP, "logits", logits, 2, "[rows, vocab]");
    ShapeRules.activations(OP, "logits", logits);
    int rows = logits.shape().dim(0);
    int vocab = logits.shape().dim(1);
    String from = "logits of shape " + logits.shape();
    Shape settings = Shape.of(rows, SamplingKernels.SETTINGS);
    Shape state = Shape.of(rows, SamplingKernels.STATE);
    Shape seen = Shape.of(rows, Math.ceilDiv(vocab, Integer.SIZE));
    ShapeRules.expect(OP, "settings", steering.settings, "[rows, SETTINGS]", settings, from);
    ShapeRules.expect(OP, "state", steering.state, "[rows, STATE]", state, from, DType.I32);
    ShapeRules.expect(OP, "seen", steering.seen, "[rows, words]", seen, from, DType.I32);
    ShapeRules.expect(OP, "chosen", chosen, "[2, rows]", Shape.of(2, rows), from, DType.I32);
    Scope scope = steering.settings.scope();
    SamplingKernels kernels = kernels(scope);
    View bits = Tensor.viewOf(steering.seen);
    View tokens = chosen.view();
    long next = tokens.offset() + tokens.stride();
    View logProbabilities = new View(tokens.storage(), DType.F32, next, rows);
    scope.withWorkspace(
        kernels.sampleWorkspaceFloats(rows, vocab),
        workspace -> {
          SamplingKernels.Sample sample =
              new SamplingKernels.Sample(
                  rows,
                  vocab,
                  logits.view(),
                  steering.settings.view(),
                  steering.state.view(),
                  bits,
                  tokens,
                  logProbabilities,
                  workspace);
          scope.launch(() -> kernels.sample(sample));
        });
  }

  private static SamplingKernels kernels(Scope scope) {
    Optional<SamplingKernels> kernels = scope.backend().sampling();
    return kernels.orElseThrow(() ->
        new IllegalStateException(
            "sample: the device "
                + scope.device().name()
                + " does not choose tokens; read the logits and use a Sampler"));
  }
}
