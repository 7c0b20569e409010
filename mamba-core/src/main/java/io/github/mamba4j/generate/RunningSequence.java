package io.github.mamba4j.generate;

import io.github.mamba4j.model.InferenceState;
import java.lang.foreign.MemorySegment;

/** What a {@link TokenStream} reads its tokens into, and gets its logits from. */
interface RunningSequence extends AutoCloseable {
  /** Reads one token; the logits that follow may come later. */
  void step(int token);

  /**
   * Returns the logits of the next token, waiting for them.
   *
   * @throws java.util.concurrent.CancellationException if the wait was cancelled
   */
  MemorySegment logits();

  /**
   * Returns what makes this sequence's tokens.
   *
   * @param options how
   * @param vocab the first tokens of the model's, to choose from
   * @param history the prompt
   */
  default TokenChooser chooser(SamplingOptions options, int vocab, TokenHistory history) {
    return new TokenChooser.OnHost(this, options, vocab);
  }

  /** Ends a wait for logits; any thread may call this. */
  void cancel();

  /** Ends the sequence; nothing is read afterwards. Closing again does nothing. */
  @Override
  void close();

  /** A sequence of its own, computed by the thread that asks. */
  record OfState(InferenceState state, boolean owned) implements RunningSequence {
    @Override
    public void step(int token) {
      state.step(token);
    }

    @Override
    public MemorySegment logits() {
      return state.logits();
    }

    @Override
    public TokenChooser chooser(SamplingOptions options, int vocab, TokenHistory history) {
      return DeviceChooser.open(state, owned, options, vocab, history)
          .orElseGet(() -> new TokenChooser.OnHost(this, options, vocab));
    }

    @Override
    public void cancel() {
      // Nobody waits: the thread that asks for logits computes them.
    }

    @Override
    public void close() {
      if (owned) {
        state.close();
      }
    }
  }
}
