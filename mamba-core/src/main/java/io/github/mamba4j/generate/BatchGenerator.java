package io.github.mamba4j.generate;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * Continues the prompts of many threads at once on one model: what a server needs.
 *
 * <p>Any number of threads, virtual ones too, ask for generations as of a {@link Generator}; one
 * thread decodes them together ({@link io.github.mamba4j.model.SessionBatch}), while each caller
 * chooses the tokens of its own sequence. Everybody gets the tokens that a {@link Generator} gives
 * for the same prompt, options and seed, whoever else is there. When all places are taken,
 * sequences wait in the order in which they came. A sequence that fails, is cancelled or is read
 * slowly does not disturb the others; it keeps its place until it ends or is closed.
 *
 * <p>A thread that is interrupted while it waits for a token ends its sequence with {@link
 * FinishReason#CANCELLED} and stays interrupted.
 */
public final class BatchGenerator implements AutoCloseable {
  private final MambaModel model;
  private final @Nullable TokenText text;
  private final BatchEngine engine;

  private BatchGenerator(MambaModel model, @Nullable TokenText text, int maxSessions) {
    this.model = model;
    this.text = text;
    this.engine = new BatchEngine(model, maxSessions);
  }

  /**
   * Opens a generator of token ids.
   *
   * @param model the model
   * @param maxSessions most sequences that are decoded at a time, positive; each takes the memory
   *     of an {@link InferenceState}
   * @return the generator, to be closed before the model
   * @throws IllegalArgumentException if maxSessions is not positive
   */
  public static BatchGenerator open(MambaModel model, int maxSessions) {
    return new BatchGenerator(model, null, maxSessions);
  }

  /**
   * Opens a generator of tokens and text.
   *
   * @param model the model
   * @param text what its tokens stand for, a tokenizer
   * @param maxSessions most sequences that are decoded at a time, positive; each takes the memory
   *     of an {@link InferenceState}
   * @return the generator, to be closed before the model
   * @throws IllegalArgumentException if maxSessions is not positive, or the tokenizer has more
   *     tokens than the model
   */
  public static BatchGenerator open(MambaModel model, TokenText text, int maxSessions) {
    Generator.check(model, text);
    return new BatchGenerator(model, text, maxSessions);
  }

  /**
   * Continues a prompt, waiting for the end.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return what was made; with {@link FinishReason#CANCELLED} if this generator was closed
   *     meanwhile, or the thread interrupted
   * @throws IllegalArgumentException if the prompt is empty or has an unknown token, or if there
   *     are stop strings but no text side
   * @throws IllegalStateException if this generator is closed, or decoding failed
   */
  public Generation generate(int[] prompt, SamplingOptions options) {
    try (TokenStream stream = stream(prompt, options)) {
      return Generator.collect(stream);
    }
  }

  /**
   * Continues a prompt token by token. The sequence is queued at once; {@link TokenStream#hasNext}
   * waits for its place and its tokens.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return the tokens, made as they are read; to be closed by the caller
   * @throws IllegalArgumentException if the prompt is empty or has an unknown token, or if there
   *     are stop strings but no text side
   * @throws IllegalStateException if this generator is closed
   */
  public TokenStream stream(int[] prompt, SamplingOptions options) {
    check(prompt, options);
    return queue(null, prompt, options);
  }

  /**
   * Continues a running sequence token by token, such as one from a {@link
   * io.github.mamba4j.model.PrefixCache}.
   *
   * @param state one sequence of this generator's model; it is copied and stays as it is
   * @param prompt token ids to read first; at least one
   * @param options how to choose and when to stop
   * @return the tokens, made as they are read; to be closed by the caller
   * @throws IllegalArgumentException if the state is another model's or has several sequences, the
   *     prompt is empty or has an unknown token, or there are stop strings but no text side
   * @throws IllegalStateException if this generator is closed
   */
  public TokenStream stream(InferenceState state, int[] prompt, SamplingOptions options) {
    check(prompt, options);
    if (state.model() != model || state.batch() != 1) {
      throw new IllegalArgumentException(
          "BatchGenerator: the state must be one sequence of the generator's model, got " + state);
    }
    InferenceState copy = state.fork();
    try {
      return queue(copy, prompt, options);
    } catch (RuntimeException | Error e) {
      copy.close();
      throw e;
    }
  }

  private TokenStream queue(@Nullable InferenceState start, int[] prompt, SamplingOptions options) {
    RunningSequence sequence = engine.join(start, prompt);
    return new TokenStream(sequence, model.config().vocabSize(), prompt, options, text);
  }

  private void check(int[] prompt, SamplingOptions options) {
    Generator.check(text, prompt, options);
    model.requireTokens(prompt);
  }

  /**
   * Publishes the continuation of a prompt, started anew for each subscriber on a virtual thread of
   * its own. Nothing is computed before it is requested, nor after a cancellation.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return the publisher; a subscription that runs when this generator is closed ends with an
   *     error
   * @throws IllegalArgumentException if the prompt is empty or has an unknown token, or if there
   *     are stop strings but no text side
   */
  public Flow.Publisher<GeneratedToken> publish(int[] prompt, SamplingOptions options) {
    check(prompt, options);
    int[] copy = prompt.clone();
    return new TokenPublisher(
        () -> stream(copy, options), run -> Thread.ofVirtual().name("mamba-publish").start(run));
  }

  /**
   * Returns how many sequences there are, those that wait for a place included.
   *
   * @return the count, not negative
   */
  public int sequences() {
    return engine.sequences();
  }

  /** Ends all sequences, and the thread that decodes them. */
  @Override
  public void close() {
    engine.close();
  }

  @Override
  public String toString() {
    return "BatchGenerator on " + model;
  }
}
