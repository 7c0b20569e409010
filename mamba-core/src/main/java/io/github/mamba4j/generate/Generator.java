package io.github.mamba4j.generate;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * Continues token sequences with a model: all at once, as a stream, or as a publisher.
 *
 * <p>Equal model, prompt and options (with their seed) give equal tokens, whatever the number of
 * threads. A generator holds nothing but the model and may be shared between threads.
 */
public final class Generator {
  private final MambaModel model;
  private final @Nullable TokenText text;

  private Generator(MambaModel model, @Nullable TokenText text) {
    this.model = model;
    this.text = text;
  }

  /**
   * Makes a generator of token ids.
   *
   * @param model the model
   * @return the generator
   */
  public static Generator of(MambaModel model) {
    return new Generator(model, null);
  }

  /**
   * Makes a generator of tokens and text. Tokens that the model has and the text side has not are
   * never made.
   *
   * @param model the model
   * @param text what its tokens stand for, a tokenizer
   * @return the generator
   * @throws IllegalArgumentException if the tokenizer has more tokens than the model
   */
  public static Generator of(MambaModel model, TokenText text) {
    check(model, text);
    return new Generator(model, text);
  }

  /**
   * Continues a prompt.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return what was made
   * @throws IllegalArgumentException if the prompt is empty or has an unknown token, or if there
   *     are stop strings but no text side
   */
  public Generation generate(int[] prompt, SamplingOptions options) {
    try (TokenStream stream = stream(prompt, options)) {
      return collect(stream);
    }
  }

  /**
   * Continues running sequences from a state, which moves on with what is made.
   *
   * @param state one sequence of this generator's model; afterwards it has read the prompt and
   *     every token made but the last, and its {@linkplain InferenceState#mark mark} may be another
   *     one
   * @param prompt token ids to read first; at least one
   * @param options how to choose and when to stop
   * @return what was made
   * @throws IllegalArgumentException as for {@link #stream(InferenceState, int[], SamplingOptions)}
   */
  public Generation generate(InferenceState state, int[] prompt, SamplingOptions options) {
    try (TokenStream stream = stream(state, prompt, options)) {
      return collect(stream);
    }
  }

  /** Reads a stream to its end. */
  static Generation collect(TokenStream stream) {
    List<GeneratedToken> tokens = new ArrayList<>();
    StringBuilder all = new StringBuilder();
    while (stream.hasNext()) {
      GeneratedToken token = stream.next();
      tokens.add(token);
      all.append(token.text());
    }
    return new Generation(tokens, all.toString(), stream.finishReason().orElseThrow());
  }

  /**
   * Continues a prompt token by token.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return the tokens, made as they are read; to be closed by the caller
   * @throws IllegalArgumentException if the prompt is empty or has an unknown token, or if there
   *     are stop strings but no text side
   */
  public TokenStream stream(int[] prompt, SamplingOptions options) {
    check(text, prompt, options);
    InferenceState state = model.newState();
    try {
      return read(state, true, prompt, options);
    } catch (RuntimeException | Error e) {
      state.close();
      throw e;
    }
  }

  private TokenStream read(
      InferenceState state, boolean owned, int[] prompt, SamplingOptions options) {
    RunningSequence sequence = new RunningSequence.OfState(state, owned);
    int vocab = model.config().vocabSize();
    TokenStream stream = new TokenStream(sequence, vocab, prompt, options, text);
    try {
      state.prefill(prompt);
    } catch (RuntimeException | Error e) {
      stream.close();
      throw e;
    }
    return stream;
  }

  /**
   * Continues a running sequence token by token.
   *
   * @param state one sequence of this generator's model, which moves on with what is made: the
   *     stream's own until it has ended or is closed, then it has read the prompt and every token
   *     made but the last; its {@linkplain InferenceState#mark mark} may be another one then
   * @param prompt token ids to read first; at least one
   * @param options how to choose and when to stop
   * @return the tokens, made as they are read; to be closed by the caller, which leaves the state
   *     open
   * @throws IllegalArgumentException if the state is another model's or has several sequences, the
   *     prompt is empty or has an unknown token, or there are stop strings but no text side
   */
  public TokenStream stream(InferenceState state, int[] prompt, SamplingOptions options) {
    check(text, prompt, options);
    if (state.model() != model || state.batch() != 1) {
      throw new IllegalArgumentException(
          "Generator: the state must be one sequence of the generator's model, got " + state);
    }
    return read(state, false, prompt, options);
  }

  /**
   * Publishes the continuation of a prompt, started anew for each subscriber on a virtual thread of
   * its own. Nothing is computed before it is requested, nor after a cancellation.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @return the publisher
   * @throws IllegalArgumentException if the prompt is empty, or if there are stop strings but no
   *     text side
   */
  public Flow.Publisher<GeneratedToken> publish(int[] prompt, SamplingOptions options) {
    return publish(prompt, options, run -> Thread.ofVirtual().name("mamba-publish").start(run));
  }

  /**
   * Publishes the continuation of a prompt, started anew for each subscriber.
   *
   * @param prompt token ids, at least one
   * @param options how to choose and when to stop
   * @param executor runs the generations; each holds a thread until it ends
   * @return the publisher
   * @throws IllegalArgumentException if the prompt is empty, or if there are stop strings but no
   *     text side
   */
  public Flow.Publisher<GeneratedToken> publish(
      int[] prompt, SamplingOptions options, Executor executor) {
    check(text, prompt, options);
    int[] copy = prompt.clone();
    return new TokenPublisher(() -> stream(copy, options), executor);
  }

  /** Checks that a tokenizer can be the model's. */
  static void check(MambaModel model, TokenText text) {
    if (text.vocabSize() > model.config().paddedVocabSize()) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "Generator: the tokenizer has %d tokens, the model only %d; they do not belong"
                  + " together",
              text.vocabSize(),
              model.config().paddedVocabSize()));
    }
  }

  /** Checks what both kinds of generators are asked for. */
  static void check(@Nullable TokenText text, int[] prompt, SamplingOptions options) {
    if (prompt.length == 0) {
      throw new IllegalArgumentException(
          "Generator: the prompt is empty; start with at least one token, such as end-of-text");
    }
    if (text == null && !options.stopStrings().isEmpty()) {
      throw new IllegalArgumentException(
          "Generator: stop strings need a tokenizer; use Generator.of(model, tokenizer)");
    }
  }
}
