package io.github.mamba4j.nn;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Mamba1StepOp;
import io.github.mamba4j.tensor.RmsNormOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Embeddings, a stack of residual blocks, and the last normalisation. */
public final class Backbone {
  /**
   * What a backbone gives.
   *
   * @param out the normalised hidden states, [batch, length, dModel]
   * @param residuals the residual stream after each block, [batch, length, dModel]; empty unless
   *     asked for
   */
  public record Result(Tensor out, List<Tensor> residuals) {}

  /** So many tokens' activations of all blocks may lie in memory at a time. */
  private static final int FEW_TOKENS = 64;

  private final Embedding embedding;
  private final List<ResidualBlock> blocks;
  private final RmsNorm normF;

  /**
   * Makes the backbone.
   *
   * @param embedding token embeddings
   * @param blocks residual blocks, at least one
   * @param normF the last normalisation
   */
  public Backbone(Embedding embedding, List<ResidualBlock> blocks, RmsNorm normF) {
    this.embedding = embedding;
    this.blocks = List.copyOf(blocks);
    this.normF = normF;
  }

  /**
   * Runs the backbone from the start of its sequences.
   *
   * @param ids token ids, [batch, length]
   * @param keepResiduals true to return the residual stream after each block
   * @return the hidden states
   */
  public Result forward(Tensor ids, boolean keepResiduals) {
    return run(ids, keepResiduals, null);
  }

  /**
   * Runs a piece of running sequences with gradients that end at its beginning, and moves the
   * states on. {@link #advance} is the way without gradients.
   *
   * @param ids token ids, [batch, length]
   * @param states one for each block, constants to the gradients, overwritten by the states after
   *     the piece
   * @return the normalised hidden states, [batch, length, dModel], in the ids' scope
   */
  public Tensor forward(Tensor ids, List<MixerState> states) {
    return run(ids, false, states).out();
  }

  private Result run(Tensor ids, boolean keepResiduals, @Nullable List<MixerState> states) {
    Tensor hidden = embedding.forward(ids);
    Tensor residual = null;
    List<Tensor> residuals = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      ResidualBlock block = blocks.get(i);
      ResidualBlock.Result result =
          states == null
              ? block.forward(hidden, residual)
              : block.forward(hidden, residual, states.get(i));
      if (residual != null && keepResiduals) {
        residuals.add(result.residual());
      }
      hidden = result.hidden();
      residual = result.residual();
    }
    RmsNormOp.Result last = normF.forward(hidden, Objects.requireNonNull(residual));
    if (keepResiduals) {
      residuals.add(last.sum());
    }
    return new Result(last.out(), residuals);
  }

  /**
   * Brings what {@link #advance} uses, and what a recording of it will use, up to date with the
   * parameters. Costs next to nothing if they have not changed.
   *
   * @param work where to compute
   */
  public void refresh(Scope work) {
    // By index: an iterator would be an object for each token.
    for (int i = 0; i < blocks.size(); i++) {
      blocks.get(i).refresh(work);
    }
  }

  /**
   * Runs a piece of running sequences without gradients, after {@link #refresh}, holding the
   * activations of one block at a time (but of few tokens all), and moves the states on.
   *
   * @param ids token ids, [batch, length]
   * @param states one for each block, overwritten by the states after the piece
   * @return the normalised hidden states, [batch, length, dModel], in the ids' scope
   */
  public Tensor advance(Tensor ids, List<MixerState> states) {
    Tensor hidden = embedding.forward(ids);
    return ids.shape().elements() <= FEW_TOKENS
        ? advanceAtOnce(hidden, states)
        : advanceBlockByBlock(hidden, states);
  }

  /** Keeps the activations of all blocks, which are few, and copies none of them. */
  private Tensor advanceAtOnce(Tensor embedded, List<MixerState> states) {
    if (embedded.shape().dim(1) == 1) {
      Optional<Tensor> stepped = step(embedded, states);
      if (stepped.isPresent()) {
        // A head of BF16 is cheap to multiply with several rows if they are BF16, too.
        boolean half = embedded.shape().dim(0) > 1 && embedding.weight().dtype() == DType.BF16;
        return normF.forward(stepped.get(), half ? DType.BF16 : DType.F32);
      }
    }
    Tensor hidden = embedded;
    Tensor residual = null;
    for (int i = 0; i < blocks.size(); i++) {
      ResidualBlock.Result result = blocks.get(i).advance(hidden, residual, states.get(i));
      hidden = result.hidden();
      residual = result.residual();
    }
    return normF.forward(hidden, Objects.requireNonNull(residual)).out();
  }

  /** Runs one token of each sequence as one piece of work, if blocks and device are made for it. */
  private Optional<Tensor> step(Tensor embedded, List<MixerState> states) {
    List<Mamba1StepOp.Layer> layers = new ArrayList<>();
    for (int i = 0; i < blocks.size(); i++) {
      ResidualBlock block = blocks.get(i);
      if (!(block.mixer() instanceof Mamba1Mixer mixer)) {
        return Optional.empty();
      }
      layers.add(mixer.stepLayer(block.norm().weight(), states.get(i)));
    }
    ResidualBlock first = blocks.getFirst();
    Discretization discretization = ((Mamba1Mixer) first.mixer()).discretization();
    return Mamba1StepOp.advance(embedded, layers, first.norm().eps(), discretization);
  }

  private Tensor advanceBlockByBlock(Tensor embedded, List<MixerState> states) {
    Scope scope = embedded.scope();
    Tensor hidden = embedded;
    Tensor residual = null;
    for (int i = 0; i < blocks.size(); i++) {
      try (Scope inner = scope.openChild()) {
        ResidualBlock.Result result =
            blocks.get(i).advance(hidden.in(inner), residual, states.get(i));
        if (residual == null) {
          residual = scope.keep(result.residual());
        } else {
          residual.copyFrom(result.residual());
        }
        hidden.copyFrom(result.hidden());
      }
    }
    return normF.forward(hidden, Objects.requireNonNull(residual)).out();
  }
}
