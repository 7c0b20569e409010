package io.github.mamba4j.train;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Measures a model on sequences of any length, without gradients: each is read in pieces with a
 * carried state, so that every token but a sequence's first is predicted from all tokens before it,
 * and memory does not grow with the length.
 *
 * <p>The loss is that of one forward pass over each whole sequence, up to rounding. {@link
 * Evaluator} is the other way: windows side by side, each from an empty state.
 *
 * {@snippet :
 * try (StreamEvaluator stream = StreamEvaluator.open(model)) {
 *   for (String text : texts) {
 *     stream.add(tokenizer.encodeOrdinary(text));
 *     stream.endSequence();
 *   }
 *   System.out.println(stream.result().perplexity());
 * }
 * }
 *
 * <p>For one thread at a time.
 */
public final class StreamEvaluator implements AutoCloseable {
  private static final int DEFAULT_PIECE = 512;

  private final MambaModel model;
  private final InferenceState state;
  private final Scope scope;

  /** The tokens to read next and the one after them; a sequence's last read token stays first. */
  private final int[] waiting;

  private int count;
  private double lossSum;
  private double hitSum;
  private long targets;

  private StreamEvaluator(MambaModel model, int pieceLength) {
    this.model = model;
    this.state = model.newState();
    this.scope = model.openScope();
    this.waiting = new int[pieceLength + 1];
  }

  /**
   * Prepares to measure a model, 512 tokens at a time.
   *
   * @param model the model
   * @return the evaluator, to be closed before the model
   */
  public static StreamEvaluator open(MambaModel model) {
    return open(model, DEFAULT_PIECE);
  }

  /**
   * Prepares to measure a model.
   *
   * @param model the model
   * @param pieceLength tokens that are read at once, in [1, 2²⁴]; memory grows with it, the result
   *     does not depend on it but for rounding
   * @return the evaluator, to be closed before the model
   * @throws IllegalArgumentException if pieceLength is out of its range
   */
  public static StreamEvaluator open(MambaModel model, int pieceLength) {
    if (pieceLength <= 0 || pieceLength > 1 << 24) {
      throw new IllegalArgumentException(
          "StreamEvaluator: pieceLength is " + pieceLength + ", expected 1 to 2^24");
    }
    return new StreamEvaluator(model, pieceLength);
  }

  /**
   * Continues the running sequence, or starts one.
   *
   * @param tokens its next tokens, each in [0, padded vocabulary), in pieces of any size
   * @throws IllegalArgumentException if a token is unknown to the model; none of these was read
   */
  public void add(int... tokens) {
    requireKnown(tokens);
    int from = 0;
    while (from < tokens.length) {
      int part = Math.min(tokens.length - from, waiting.length - count);
      System.arraycopy(tokens, from, waiting, count, part);
      count += part;
      from += part;
      if (count == waiting.length) {
        read();
      }
    }
  }

  /** Ends the running sequence; the next token starts another one. */
  public void endSequence() {
    read();
    count = 0;
    state.reset();
  }

  /**
   * Reads what is still waiting and gives the result so far. The running sequence goes on.
   *
   * @return loss and accuracy over all predicted tokens
   * @throws IllegalStateException if there is none: no sequence had a second token
   */
  public Evaluation result() {
    read();
    if (targets == 0) {
      throw new IllegalStateException(
          "StreamEvaluator: no token was predicted, a sequence needs at least two");
    }
    return new Evaluation(lossSum / targets, hitSum / targets, targets);
  }

  /**
   * Returns how many tokens were predicted so far, without those that wait for more of their piece.
   *
   * @return the count, not negative
   */
  public long targets() {
    return targets;
  }

  /** Reads all waiting tokens but the last, which is only predicted so far. */
  private void read() {
    int length = count - 1;
    if (length <= 0) {
      return;
    }
    scope.reset();
    Shape shape = Shape.of(1, length);
    Tensor ids = scope.ints(shape, Arrays.copyOf(waiting, length));
    Tensor next = scope.ints(shape, Arrays.copyOfRange(waiting, 1, count));
    CrossEntropyOp.Result piece = model.loss(ids, next, state);
    lossSum += (double) length * scalar(piece.mean());
    hitSum += scalar(piece.hits().sum());
    targets += length;
    waiting[0] = waiting[length];
    count = 1;
  }

  private static float scalar(Tensor tensor) {
    float[] value = new float[1];
    tensor.read(MemorySegment.ofArray(value));
    return value[0];
  }

  private void requireKnown(int[] tokens) {
    int vocab = model.config().paddedVocabSize();
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= vocab) {
        throw new IllegalArgumentException(
            "StreamEvaluator: token id "
                + tokens[i]
                + " at index "
                + i
                + " does not exist, expected one in [0, "
                + vocab
                + ")");
      }
    }
  }

  /** Frees the memory; the model stays. */
  @Override
  public void close() {
    scope.close();
    state.close();
  }
}
