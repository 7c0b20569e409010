package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Scope;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Sequences that are decoded together and come and go one by one: continuous batching.
 *
 * <p>Each session gets, to the bit, the logits that it gets alone through {@link InferenceState},
 * whoever joins or leaves meanwhile; but on a GPU steps of a Mamba-1 model with BF16 weights are
 * rounded otherwise for one session than for several, however many. All sessions that were given a
 * token read it in one {@link #step}, which reads the weights once for as many sessions as {@link
 * io.github.mamba4j.tensor.Device#batchInvariantRows} says (16 on a CPU); others stay as they are.
 *
 * {@snippet :
 * try (SessionBatch batch = SessionBatch.open(model, 8)) {
 *   SessionBatch.Session one = batch.join(prompt);
 *   SessionBatch.Session two = batch.join(other);
 *   one.next(choose(one.logits()));
 *   two.next(choose(two.logits()));
 *   batch.step();
 * }
 * }
 *
 * <p>Memory is taken for 16 sessions at a time, when they come; a step for as many sessions as an
 * earlier one allocates nothing. For one thread at a time; {@code generate.BatchGenerator} is the
 * front for many.
 */
public final class SessionBatch implements AutoCloseable {
  private static final int NONE = -1;

  private final MambaModel model;
  private final int maxSessions;
  private final int blockRows;
  private final Scope stepMemory;
  private final List<SequenceStates> blocks = new ArrayList<>();
  private final List<Session> sessions = new ArrayList<>();
  private final InferenceState spare;
  private final int[] tokens;
  private boolean closed;

  private SessionBatch(MambaModel model, int maxSessions) {
    this.model = model;
    this.maxSessions = maxSessions;
    this.blockRows = Math.min(maxSessions, model.device().batchInvariantRows());
    this.tokens = new int[blockRows];
    this.stepMemory = model.openStepScope();
    this.spare = model.newState();
  }

  /**
   * Opens a batch without sessions.
   *
   * @param model the model
   * @param maxSessions most sessions at a time, positive
   * @return the batch, to be closed before the model
   * @throws IllegalArgumentException if maxSessions is not positive
   */
  public static SessionBatch open(MambaModel model, int maxSessions) {
    if (maxSessions <= 0) {
      throw new IllegalArgumentException(
          "SessionBatch: maxSessions must be positive, got " + maxSessions);
    }
    return new SessionBatch(model, maxSessions);
  }

  /** One sequence of a batch. */
  public final class Session implements AutoCloseable {
    private final float[] logits = new float[model.config().vocabSize()];
    private final MemorySegment logitsSegment = MemorySegment.ofArray(logits);
    private int row;
    private int token = NONE;
    private boolean left;

    private Session(int row) {
      this.row = row;
    }

    /**
     * Gives the token that this session reads at the next {@link #step}; a second call before it
     * replaces the token.
     *
     * @param next the token id, in [0, vocabulary)
     * @throws IllegalArgumentException if there is no such token
     * @throws IllegalStateException if the session has left
     */
    public void next(int next) {
      requirePresent();
      model.requireToken(next, states().position(rowInBlock()));
      token = next;
    }

    /**
     * Returns the logits of the next token. The memory is this session's own and changes with the
     * next call.
     *
     * @return floats, [vocabulary]
     * @throws IllegalStateException if the session has left, or has read no token
     */
    public MemorySegment logits() {
      if (position() == 0) {
        throw new IllegalStateException(
            "SessionBatch: there are no logits before the first token; join with a prompt");
      }
      states().logits(rowInBlock()).read(logitsSegment);
      return logitsSegment;
    }

    /**
     * Returns how many tokens this session has read.
     *
     * @return the count, not negative
     * @throws IllegalStateException if the session has left
     */
    public long position() {
      requirePresent();
      return states().position(rowInBlock());
    }

    /**
     * Makes an independent copy that has read the same tokens.
     *
     * @return a state of one sequence, to be closed before the model
     * @throws IllegalStateException if the session has left
     */
    public InferenceState fork() {
      requirePresent();
      return InferenceState.copyOf(states(), rowInBlock());
    }

    /**
     * Leaves the batch with all that was read; a token that was given and not read is dropped.
     *
     * @return a state of one sequence, to be closed before the model
     * @throws IllegalStateException if the session has left
     */
    public InferenceState leave() {
      InferenceState state = fork();
      close();
      return state;
    }

    /** Leaves the batch and forgets what was read. Does nothing if the session has left. */
    @Override
    public void close() {
      if (!left && !closed) {
        remove(this);
      }
      left = true;
    }

    private void requirePresent() {
      if (left || closed) {
        throw new IllegalStateException("SessionBatch: this session has left the batch");
      }
    }

    private SequenceStates states() {
      return blocks.get(row / blockRows);
    }

    private int rowInBlock() {
      return row % blockRows;
    }

    @Override
    public String toString() {
      return left || closed ? "Session that has left" : "Session at token " + position();
    }
  }

  /**
   * Returns how many sessions there are.
   *
   * @return from 0 to {@link #maxSessions()}
   */
  public int size() {
    return sessions.size();
  }

  /**
   * Returns how many sessions there can be.
   *
   * @return positive
   */
  public int maxSessions() {
    return maxSessions;
  }

  /**
   * Reads a prompt and takes the sequence in; its logits are there at once.
   *
   * @param prompt token ids, each in [0, vocabulary), at least one
   * @return the session
   * @throws IllegalArgumentException if the prompt is empty or an id does not exist
   * @throws IllegalStateException if there is no place left
   */
  public Session join(int... prompt) {
    if (prompt.length == 0) {
      throw new IllegalArgumentException(
          "SessionBatch: the prompt is empty; start with at least one token, such as end-of-text");
    }
    requirePlace();
    spare.reset();
    spare.prefill(prompt);
    return take(spare.rows());
  }

  /**
   * Takes a running sequence in.
   *
   * @param state one sequence of this batch's model; it is copied and stays the caller's
   * @return the session
   * @throws IllegalArgumentException if the state is another model's or has several sequences
   * @throws IllegalStateException if there is no place left
   */
  public Session join(InferenceState state) {
    if (state.model() != model || state.batch() != 1) {
      throw new IllegalArgumentException(
          "SessionBatch: the state must be one sequence of the batch's model, got " + state);
    }
    requirePlace();
    return take(state.rows());
  }

  private void requirePlace() {
    requireOpen();
    if (sessions.size() == maxSessions) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "SessionBatch: all %d places are taken; let a session leave or open a larger batch",
              maxSessions));
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("SessionBatch: is closed");
    }
  }

  private Session take(SequenceStates from) {
    int row = sessions.size();
    if (row == blocks.size() * blockRows) {
      blocks.add(new SequenceStates(model, Math.min(blockRows, maxSessions - row), stepMemory));
    }
    Session session = new Session(row);
    session.states().copyRow(session.rowInBlock(), from, 0);
    sessions.add(session);
    return session;
  }

  /** The last session moves into the place that becomes free. */
  private void remove(Session leaving) {
    Session last = sessions.removeLast();
    if (last != leaving) {
      leaving.states().copyRow(leaving.rowInBlock(), last.states(), last.rowInBlock());
      last.row = leaving.row;
      sessions.set(last.row, last);
    }
  }

  /**
   * Lets every session that was given a token read it.
   *
   * @return how many read one; 0 does nothing
   * @throws IllegalStateException if the batch is closed
   */
  public int step() {
    requireOpen();
    int ready = gatherReady();
    for (int first = 0; first < ready; first += blockRows) {
      int count = Math.min(blockRows, ready - first);
      for (int i = 0; i < count; i++) {
        Session session = sessions.get(first + i);
        tokens[i] = session.token;
        session.token = NONE;
      }
      blocks.get(first / blockRows).step(count, tokens);
    }
    return ready;
  }

  /** Brings the sessions with a token to the first rows, so that a step finds them together. */
  private int gatherReady() {
    int ready = 0;
    for (int i = 0; i < sessions.size(); i++) {
      ready += sessions.get(i).token == NONE ? 0 : 1;
    }
    int from = ready;
    for (int to = 0; to < ready; to++) {
      if (sessions.get(to).token == NONE) {
        while (sessions.get(from).token == NONE) {
          from++;
        }
        swap(sessions.get(to), sessions.get(from));
      }
    }
    return ready;
  }

  private void swap(Session one, Session two) {
    spare.rows().copyRow(0, one.states(), one.rowInBlock());
    one.states().copyRow(one.rowInBlock(), two.states(), two.rowInBlock());
    two.states().copyRow(two.rowInBlock(), spare.rows(), 0);
    int row = one.row;
    one.row = two.row;
    two.row = row;
    sessions.set(one.row, one);
    sessions.set(two.row, two);
  }

  /**
   * Returns the device memory that this batch holds. It grows with the most sessions there ever
   * were, not with the number of tokens.
   *
   * @return bytes
   */
  public long reservedBytes() {
    long bytes = stepMemory.reservedBytes() + spare.reservedBytes();
    for (SequenceStates block : blocks) {
      bytes += block.reservedBytes();
    }
    return bytes;
  }

  /** Ends all sessions and frees their memory. */
  @Override
  public void close() {
    closed = true;
    sessions.clear();
    blocks.forEach(SequenceStates::close);
    stepMemory.close();
    spare.close();
  }

  @Override
  public String toString() {
    return "SessionBatch of " + sessions.size() + " sessions, at most " + maxSessions;
  }
}
