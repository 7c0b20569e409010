package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Agreement;
import java.util.Arrays;
import java.util.Map;

/** What is done with a model, for contestants that only differ in how they run it. */
abstract class ModelTrial implements Trial {
  private final ModelCell cell;

  ModelTrial(ModelCell cell) {
    this.cell = cell;
  }

  /**
   * Reads a prompt of {@link ModelCell#SHORT_PROMPT} tokens and then further ones, one by one.
   *
   * @param steps how many
   * @return how long the further ones took, up to the logits of each on the host
   */
  abstract double decodeSeconds(int steps);

  /**
   * Reads a prompt.
   *
   * @param length its tokens
   * @return how long it took up to the logits of the token that follows, on the host
   */
  abstract double prefillSeconds(int length);

  /**
   * Reads a prompt, then tokens one by one.
   *
   * @return the logits of the token that follows, or nothing if they cannot be seen
   */
  abstract float[] logits(int[] prompt, int[] steps);

  @Override
  public double seconds() {
    return switch (cell.task()) {
      case DECODE -> decodeSeconds(ModelCell.STEPS);
      case PREFILL -> prefillSeconds(ModelCell.PROMPT);
      case START -> throw new IllegalStateException("ModelTrial: a start is a process");
    };
  }

  @Override
  public double[] values() {
    return Agreement.widen(logits(cell.checkedPrompt(), cell.checkedSteps()));
  }

  /**
   * Opens a model and has it choose a token, once.
   *
   * @param <M> the model
   */
  static final class Start<M extends ModelTrial> implements Trial {
    /**
     * Opens a model.
     *
     * @param <M> the model
     */
    interface Opening<M> {
      /** Opens it. */
      M open();
    }

    private final Opening<M> opening;
    private double[] values = {};

    Start(Opening<M> opening) {
      this.opening = opening;
    }

    @Override
    public double seconds() {
      return Trial.time(() -> {
        M model = opening.open();
        int[] prompt = io.github.mamba4j.bench.PublishedModel.tokens(ModelCell.SHORT_PROMPT);
        double[] logits = Agreement.widen(model.logits(prompt, new int[0]));
        values = new double[] {Arrays.stream(logits).max().orElseThrow()};
      });
    }

    @Override
    public double[] values() {
      return values;
    }

    @Override
    public Map<String, Object> facts() {
      return Map.of();
    }
  }
}
