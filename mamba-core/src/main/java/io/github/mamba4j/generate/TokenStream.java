package io.github.mamba4j.generate;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Tokens as they are made: each is computed when it is asked for.
 *
 * <p>For one thread, but for {@link #cancel}. Close it when done, also when it was not read to its
 * end; a closed stream computes nothing more.
 */
public final class TokenStream implements Iterator<GeneratedToken>, AutoCloseable {
  private final RunningSequence sequence;
  private final SamplingOptions options;
  private final @Nullable TokenText text;
  private final TokenChooser chooser;
  private final TokenHistory history;
  private final Utf8Assembler assembler = new Utf8Assembler();
  private final StopStrings stopStrings;
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private @Nullable GeneratedToken next;
  private @Nullable FinishReason reason;
  private int made;

  /**
   * Makes the stream of a sequence that has read its prompt, or is about to.
   *
   * @param sequence the sequence
   * @param vocabSize how many tokens there are
   * @param prompt what it reads or has read
   * @param options how to choose and when to stop
   * @param text what tokens stand for, if text is wanted
   */
  TokenStream(
      RunningSequence sequence,
      int vocabSize,
      int[] prompt,
      SamplingOptions options,
      @Nullable TokenText text) {
    this.sequence = sequence;
    this.options = options;
    this.text = text;
    // Models are often made a few rows larger than their tokenizer; those stand for nothing.
    int known = text == null ? vocabSize : Math.min(vocabSize, text.vocabSize());
    this.history = TokenHistory.of(prompt);
    this.chooser = sequence.chooser(options, known, history);
    this.stopStrings = new StopStrings(options.stopStrings());
  }

  /**
   * Returns whether there is another token, computing it if it is not known yet.
   *
   * @return true if {@link #next} gives one
   */
  @Override
  public boolean hasNext() {
    if (next == null && reason == null) {
      try {
        next = cancelled.get() ? null : compute();
      } catch (CancellationException e) {
        // Thrown to end a wait; what came before it was given out.
        next = null;
      }
      reason = next == null ? FinishReason.CANCELLED : reason;
      if (reason != null) {
        end();
      }
    }
    return next != null;
  }

  @Override
  public GeneratedToken next() {
    if (!hasNext()) {
      throw new NoSuchElementException("TokenStream: has ended, " + reason);
    }
    GeneratedToken token = Objects.requireNonNull(next);
    next = null;
    return token;
  }

  private GeneratedToken compute() {
    boolean last = made + 1 == options.maxNewTokens();
    int id = chooser.next(history, last);
    history.add(id);
    made++;
    double logProbability = chooser.logProbability();
    if (options.stopTokens().contains(id)) {
      reason = FinishReason.STOP_TOKEN;
    } else if (last) {
      reason = FinishReason.MAX_TOKENS;
    }
    return new GeneratedToken(id, logProbability, textOf(id));
  }

  /** The text that is certain now; at the end also what was held back. */
  private String textOf(int id) {
    if (text == null) {
      return "";
    }
    String piece =
        reason == FinishReason.STOP_TOKEN
            ? ""
            : stopStrings.append(assembler.append(text.bytesOf(id)));
    if (!stopStrings.isStopped() && reason != null) {
      piece += stopStrings.append(assembler.flush());
      piece += stopStrings.isStopped() ? "" : stopStrings.flush();
    }
    if (stopStrings.isStopped() && reason != FinishReason.STOP_TOKEN) {
      reason = FinishReason.STOP_STRING;
    }
    return piece;
  }

  /**
   * Ends the stream before its next token, also while another thread waits for it; any thread may
   * call this.
   */
  public void cancel() {
    cancelled.set(true);
    sequence.cancel();
  }

  /**
   * Returns why the stream has ended.
   *
   * @return the reason, or empty while there is more to come
   */
  public Optional<FinishReason> finishReason() {
    return next == null ? Optional.ofNullable(reason) : Optional.empty();
  }

  /**
   * Returns the rest of this stream as a sequential Java stream; closing it closes this.
   *
   * @return the tokens, made one by one as the stream is read
   */
  public Stream<GeneratedToken> stream() {
    int traits = Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE;
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, traits), false)
        .onClose(this::close);
  }

  /**
   * Ends the stream. A state that the caller gave stays open and has read every token but the last
   * one made.
   */
  @Override
  public void close() {
    cancel();
    if (reason == null) {
      reason = FinishReason.CANCELLED;
    }
    next = null;
    end();
  }

  private void end() {
    chooser.close();
    sequence.close();
  }
}
