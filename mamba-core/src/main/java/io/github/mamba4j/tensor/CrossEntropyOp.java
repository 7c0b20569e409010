package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Softmax cross-entropy {@code mean_i(log Σ_j e^{x_ij} − x_i,y_i)} over the rows whose target is
 * not {@link #IGNORE}; gradient {@code (softmax(x_i) − onehot(y_i)) / count}.
 *
 * <p>Both forms compute the gradient in the forward pass, where the logits are at hand, and scale
 * it by the gradient that comes in. {@link #linear} never holds the logits of more than a chunk of
 * rows: memory is O(rows·width + vocab·width + chunk·vocab).
 */
public final class CrossEntropyOp {
  /** The target that is not counted. */
  public static final int IGNORE = LossKernels.IGNORE;

  private static final String OP = "crossEntropy";

  private CrossEntropyOp() {}

  /**
   * What a loss gives.
   *
   * @param mean mean loss of the counted rows in nats, shape [1]; gradients flow from here
   * @param losses each row's share of the mean, shape [rows]
   * @param hits 1 where the target is the first largest logit, shape [rows]
   */
  public record Result(Tensor mean, Tensor losses, Tensor hits) {}

  /**
   * Compares logits with targets.
   *
   * @param logits [..., vocab]
   * @param targets integers in [0, vocab) or {@link #IGNORE}, [...]
   * @return the loss
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result apply(Tensor logits, Tensor targets) {
    ShapeRules.activations(OP, "logits", logits);
    checkTargets(logits, "logits", targets);
    Scope scope = Scope.innermost(OP, logits, targets);
    int rows = logits.rows();
    Head head = new Head(scope, rows, logits.cols(), targets);
    Result result = head.result(logits);
    boolean wanted = result.mean.requiresGrad();
    Saved saved = wanted ? new Saved(scope, logits) : null;
    head.loss(0, rows, logits.view(), saved == null ? null : saved.view);
    head.finish(result);
    if (saved != null) {
      scope.onBackward(() -> saved.hand(result.mean), result.mean);
    }
    return result;
  }

  /**
   * Compares {@code x · weightᵀ} with targets, in chunks of rows: the language-model head and its
   * loss in one.
   *
   * @param x hidden states, [..., width]
   * @param weight the head, [vocab, width], of any floating type
   * @param targets integers in [0, vocab) or {@link #IGNORE}, [...]
   * @return the loss
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result linear(Tensor x, Tensor weight, Tensor targets) {
    ShapeRules.activations(OP, "x", x);
    ShapeRules.weights(OP, "weight", weight);
    ShapeRules.rank(OP, "weight", weight, 2, "[vocab, width]");
    ShapeRules.dim(OP, "weight", weight, 1, "width", x.cols(), "x of shape " + x.shape());
    checkTargets(x, "x", targets);
    Scope scope = Scope.innermost(OP, x, weight, targets);
    int vocab = weight.rows();
    int rows = x.rows();
    Head head = new Head(scope, rows, vocab, targets);
    Result result = head.result(x, weight);
    boolean wanted = result.mean.requiresGrad();
    DType type = x.dtype();
    Tensor factor = LinearOp.factor(scope, weight, type);
    Saved xGrad = wanted && x.requiresGrad() ? new Saved(scope, x) : null;
    Saved weightGrad = wanted && weight.requiresGrad() ? new Saved(scope, weight) : null;
    int chunk = Math.min(rows, scope.backend().loss().rowsAtATime(vocab, x.cols()));
    scope.withWorkspace(
        Math.ceilDiv(type.bytes((long) chunk * vocab), Float.BYTES),
        buffer -> {
          long first = type.elements(DType.F32.bytes(buffer.offset()));
          View logits = new View(buffer.storage(), type, first, vocab);
          for (int start = 0; start < rows; start += chunk) {
            int count = Math.min(chunk, rows - start);
            head.logits(x, factor, start, count, logits);
            head.loss(start, count, logits, wanted ? logits : null);
            if (xGrad != null) {
              head.gradientOfRows(factor, start, count, logits, xGrad.view);
            }
            if (weightGrad != null) {
              head.gradientOfHead(x, start, count, logits, weightGrad.view);
            }
          }
        });
    head.finish(result);
    scope.onBackward(
        () -> {
          if (xGrad != null) {
            xGrad.hand(result.mean);
          }
          if (weightGrad != null) {
            weightGrad.hand(result.mean);
          }
        },
        result.mean);
    return result;
  }

  private static void checkTargets(Tensor rows, String argument, Tensor targets) {
    ShapeRules.type(OP, "targets", targets, DType.I32);
    if (targets.shape().elements() != rows.rows() || !targets.isContiguous()) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "%s: targets has shape %s, expected %d contiguous elements, one a row (from %s of"
                  + " shape %s)",
              OP,
              targets.shape(),
              rows.rows(),
              argument,
              rows.shape()));
    }
  }

  /** What the mean's gradient is to be multiplied with on its way to an input. */
  private static final class Saved {
    private final Scope scope;
    private final Tensor target;
    private final Block block;
    private final View view;

    Saved(Scope scope, Tensor target) {
      this.scope = scope;
      this.target = target;
      block = scope.take(target.dtype().bytes(target.shape().elements()));
      view = block.view(target.dtype(), target.cols());
    }

    /**
     * Adds {@code meanGrad · saved} to the input's gradient, or becomes it where it is the same.
     */
    void hand(Tensor mean) {
      boolean whole = target.base() == target && target.scope() == scope;
      if (mean.gradient().isOne() && whole && target.gradient().adopt(block, view)) {
        return;
      }
      Sink sink = target.gradient().sink(target);
      Runnable held = mean.gradient().hold();
      ElementwiseKernels.Scale args =
          new ElementwiseKernels.Scale(
              target.rows(), target.cols(), 1f, mean.gradientView(), view, sink);
      scope.launchContribution(
          () -> scope.backend().elementwise().scale(args),
          target.gradient(),
          () -> {
            held.run();
            scope.give(block);
          });
    }
  }

  /** The memory and launches that both forms share. */
  private static final class Head {
    private final Scope scope;
    private final int rows;
    private final int vocab;
    private final Tensor targets;
    private final Tensor weight;
    private final Tensor losses;
    private final Tensor hits;

    Head(Scope scope, int rows, int vocab, Tensor targets) {
      this.scope = scope;
      this.rows = rows;
      this.vocab = vocab;
      this.targets = targets;
      this.weight = scope.empty(Shape.of(1));
      this.losses = scope.empty(Shape.of(rows));
      this.hits = scope.empty(Shape.of(rows));
      LossKernels kernels = scope.backend().loss();
      scope.launch(() -> kernels.meanWeight(targets.view(), rows, weight.view()));
    }

    Result result(Tensor... inputs) {
      return new Result(scope.result(Shape.of(1), inputs), losses, hits);
    }

    void logits(Tensor x, Tensor head, int start, int count, View logits) {
      LinearOp.product(
          scope,
          new MatmulKernels.Shape(1, count, vocab, x.cols()),
          new Operand(x.view().plus(start * x.view().stride()), false, 0),
          new Operand(head.view(), true, 0),
          new Sink(logits, false),
          null);
    }

    void loss(int start, int count, View logits, @Nullable View grad) {
      LossKernels.CrossEntropy args =
          new LossKernels.CrossEntropy(
              count,
              vocab,
              logits,
              targets.view().plus(start),
              weight.view(),
              losses.view().plus(start),
              hits.view().plus(start),
              grad == null ? null : new Sink(grad, false));
      LossKernels kernels = scope.backend().loss();
      scope.launch(() -> kernels.crossEntropy(args));
    }

    void gradientOfRows(Tensor head, int start, int count, View logitsGrad, View xGrad) {
      LinearOp.product(
          scope,
          new MatmulKernels.Shape(1, count, head.cols(), vocab),
          new Operand(logitsGrad, false, 0),
          new Operand(head.view(), false, 0),
          new Sink(xGrad.plus((long) start * head.cols()), false),
          null);
    }

    void gradientOfHead(Tensor x, int start, int count, View logitsGrad, View headGrad) {
      LinearOp.product(
          scope,
          new MatmulKernels.Shape(1, vocab, x.cols(), count),
          new Operand(logitsGrad, true, 0),
          new Operand(x.view().plus(start * x.view().stride()), false, 0),
          new Sink(headGrad, start > 0),
          null);
    }

    void finish(Result result) {
      scope.sumColumns(losses.view(), 1, rows, 1f, new Sink(result.mean.view(), false));
    }
  }
}
