package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.ShapeMismatchException;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.PrimitiveIterator;
import org.jspecify.annotations.Nullable;

/**
 * Running sequences: all that a model remembers of the tokens it has read.
 *
 * <p>Its size does not depend on how many tokens that were: nLayers · (dInner · dState +
 * convChannels · (dConv − 1)) floats a sequence. A state belongs to one caller at a time; several
 * states may run on one model at the same time. Reading tokens one by one, all at once or in any
 * pieces gives the same state, up to rounding.
 *
 * <p>Sequences of one state do not touch each other: each gets, to the bit, what it gets beside any
 * others from the same calls, and on a CPU what it gets alone; on a GPU steps of a Mamba-1 model
 * with BF16 weights are rounded otherwise for one sequence than for several. {@link SessionBatch}
 * lets sequences come and go while others run.
 */
public final class InferenceState implements AutoCloseable {
  private static final int[] NO_TOKENS = {};

  private final SequenceStates rows;
  private final int batch;
  private final int[][] oneRow = new int[1][];
  private final Arena arena = Arena.ofShared();
  private @Nullable MemorySegment hostLogits;

  private InferenceState(MambaModel model, int batch) {
    this.batch = batch;
    this.rows = new SequenceStates(model, batch, null);
  }

  static InferenceState fresh(MambaModel model, int batch) {
    if (batch <= 0) {
      throw new IllegalArgumentException("InferenceState: batch must be positive, got " + batch);
    }
    return new InferenceState(model, batch);
  }

  /** Makes a state of one sequence that is a copy of a row. */
  static InferenceState copyOf(SequenceStates from, int row) {
    InferenceState copy = new InferenceState(from.model(), 1);
    copy.rows.copyRow(0, from, row);
    return copy;
  }

  /**
   * Returns the model that this state belongs to.
   *
   * @return the model
   */
  public MambaModel model() {
    return rows.model();
  }

  /**
   * Returns how many tokens are read at once at most: 512 on a CPU, 2,048 on a GPU. A prompt that
   * is handed over in pieces of this length leaves the same bits as one that is handed over whole.
   *
   * @return tokens, positive
   */
  public int pieceLength() {
    return model().device().pieceLength();
  }

  /**
   * Returns how many sequences run side by side.
   *
   * @return the batch, positive
   */
  public int batch() {
    return batch;
  }

  /**
   * Returns how many tokens the longest sequence has read; with one sequence, or sequences that
   * were always read together, how many each has.
   *
   * @return the count, not negative
   */
  public long position() {
    long longest = 0;
    for (int i = 0; i < batch; i++) {
      longest = Math.max(longest, rows.position(i));
    }
    return longest;
  }

  /**
   * Returns how many tokens a sequence has read.
   *
   * @param row which sequence, in [0, batch)
   * @return the count, not negative
   * @throws IllegalArgumentException if there is no such sequence
   */
  public long position(int row) {
    requireRow(row);
    return rows.position(row);
  }

  private void requireRow(int row) {
    if (row < 0 || row >= batch) {
      throw new IllegalArgumentException(
          "InferenceState: row must be in [0, " + batch + "), got " + row);
    }
  }

  /**
   * Returns the memory that this state holds: what it remembers and what it computes with. It does
   * not grow with the number of tokens.
   *
   * @return bytes of device memory
   */
  public long reservedBytes() {
    return rows.reservedBytes();
  }

  /**
   * Reads one token of each sequence. After the first call this allocates nothing.
   *
   * @param tokens one token id a sequence, each in [0, vocabulary)
   * @throws IllegalArgumentException if their number is not the batch or an id does not exist; the
   *     state stays as it was
   */
  public void step(int... tokens) {
    if (tokens.length != batch) {
      throw new IllegalArgumentException(
          "InferenceState: step got "
              + tokens.length
              + " tokens, expected one a sequence = "
              + batch);
    }
    model().requireTokens(tokens);
    rows.step(batch, tokens);
  }

  /**
   * Returns where the device chooses the tokens that {@link #stepOnDevice} reads: the same tensor
   * each time.
   *
   * @return {@link io.github.mamba4j.spi.DType#I32}, [2, batch], as {@link
   *     io.github.mamba4j.tensor.SampleOp} fills it: the tokens, then the bits of their
   *     log-probabilities, which a step does not read
   */
  public Tensor chosen() {
    return rows.chosen();
  }

  /**
   * Reads one token of each sequence, those of {@link #chosen}, so that the host need not know
   * them. It does not check them: what an id outside [0, vocabulary) does is undefined.
   */
  public void stepOnDevice() {
    rows.stepOnDevice(batch);
  }

  /**
   * Remembers this state, for {@link #rewind}; a later mark replaces it. The first one takes memory
   * of this state's size.
   */
  public void mark() {
    rows.mark();
  }

  /**
   * Makes this state what it was at the last {@link #mark}, to the bit: what was read since is
   * forgotten.
   *
   * @throws IllegalStateException if there was no mark
   */
  public void rewind() {
    if (!rows.isMarked()) {
      throw new IllegalStateException("InferenceState: nothing to rewind to; call mark() before");
    }
    rows.rewind();
  }

  /**
   * Reads several tokens of one sequence, in parallel over time and in pieces of bounded size, so
   * memory does not grow with their number.
   *
   * @param tokens token ids, each in [0, vocabulary); none does nothing
   * @throws IllegalArgumentException if there are several sequences or an id does not exist; the
   *     state stays as it was
   */
  public void prefill(int... tokens) {
    requireOneSequence();
    oneRow[0] = tokens;
    try {
      prefill(oneRow);
    } finally {
      oneRow[0] = NO_TOKENS;
    }
  }

  /**
   * Reads several tokens of each sequence, see {@link #prefill(int...)}.
   *
   * @param tokens one row of token ids a sequence; rows may differ in length, and a sequence whose
   *     row is empty stays as it is
   * @throws IllegalArgumentException if there is not one row a sequence or an id does not exist;
   *     the state stays as it was
   */
  public void prefill(int[][] tokens) {
    if (tokens.length != batch) {
      throw new IllegalArgumentException(
          "InferenceState: prefill got " + tokens.length + " rows, expected batch = " + batch);
    }
    for (int[] row : tokens) {
      model().requireTokens(row);
    }
    rows.prefill(tokens);
  }

  /**
   * Reads a piece whose checked ids are on the device already.
   *
   * @param pieceIds [batch, length]; gradients, if their scope records them, end at the piece's
   *     beginning
   * @return the normalised hidden states, [batch, length, dModel], in the ids' scope
   */
  Tensor read(Tensor pieceIds) {
    Shape shape = pieceIds.shape();
    if (shape.rank() != 2 || shape.dim(0) != batch) {
      throw new ShapeMismatchException(
          "InferenceState: ids has shape "
              + shape
              + ", expected [batch, length] with batch = "
              + batch
              + " (from the state)");
    }
    return rows.read(pieceIds);
  }

  /**
   * Reads the tokens of one sequence as they come, in pieces, so that a text of any length needs
   * memory for one. Gives the same bits as {@link #prefill(int...)} of all of them.
   *
   * @param tokens token ids, each in [0, vocabulary); none does nothing
   * @throws IllegalArgumentException if there are several sequences, or an id does not exist; the
   *     state has read whole pieces before that one
   */
  public void prefill(PrimitiveIterator.OfInt tokens) {
    requireOneSequence();
    int[] piece = new int[pieceLength()];
    while (tokens.hasNext()) {
      int count = 0;
      while (count < piece.length && tokens.hasNext()) {
        piece[count] = tokens.nextInt();
        model().requireToken(piece[count], rows.position(0) + count);
        count++;
      }
      rows.readPiece(0, piece, 0, count, !tokens.hasNext());
    }
  }

  private void requireOneSequence() {
    if (batch != 1) {
      throw new IllegalArgumentException(
          "InferenceState: prefill of one sequence on a state of "
              + batch
              + "; pass one row of tokens a sequence");
    }
  }

  /**
   * Returns the logits of the next token, waiting for them. The memory is this state's own and
   * changes with the next call.
   *
   * @return floats, [batch, vocabulary], without padding rows
   * @throws IllegalStateException if a sequence has read no token yet
   */
  public MemorySegment logits() {
    for (int i = 0; i < batch; i++) {
      if (rows.position(i) == 0) {
        throw new IllegalStateException(
            "InferenceState: there are no logits before the first token; call prefill or step"
                + (batch == 1 ? "" : " for row " + i));
      }
    }
    MemorySegment host = hostLogits;
    if (host == null) {
      long bytes = rows.logits().shape().elements() * Float.BYTES;
      host = model().device().hostMemory(bytes, arena);
      hostLogits = host;
    }
    rows.logits().read(host);
    return host;
  }

  /**
   * Returns the logits of the next token where they are, for work on the device: undefined before
   * the first token, the same tensor each time, changed by each token that is read.
   *
   * @return [batch, vocabulary], without padding rows
   */
  public Tensor logitsOnDevice() {
    return rows.logits();
  }

  /**
   * Makes an independent copy that has read the same tokens.
   *
   * @return the copy, to be closed before the model
   */
  public InferenceState fork() {
    InferenceState copy = new InferenceState(model(), batch);
    for (int i = 0; i < batch; i++) {
      copy.rows.copyRow(i, rows, i);
    }
    return copy;
  }

  /**
   * Makes an independent copy of one of the sequences.
   *
   * @param row which sequence, in [0, batch)
   * @return a state of one sequence, to be closed before the model
   * @throws IllegalArgumentException if there is no such sequence
   */
  public InferenceState fork(int row) {
    requireRow(row);
    return copyOf(rows, row);
  }

  /** Forgets all tokens. */
  public void reset() {
    rows.clear();
  }

  /**
   * Writes this state to a file: safetensors with {@code layers.i.conv_state} [batch, dConv − 1,
   * convChannels], {@code layers.i.ssm_state} [batch, dState, dInner] and the logits, with each
   * sequence's position and the fingerprint of the model that it belongs to. Written beside and
   * moved into place.
   *
   * @param file the file
   * @throws IOException if it cannot be written; what was there before stays
   */
  public void save(Path file) throws IOException {
    StateFile.save(rows, file);
  }

  /**
   * Reads a state back.
   *
   * @param model the model that it was saved from
   * @param file the file
   * @return the state, to be closed before the model
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the file is no state, one of
   *     another version, or one of another model
   * @throws IOException if it cannot be read
   */
  public static InferenceState load(MambaModel model, Path file) throws IOException {
    return StateFile.load(model, file);
  }

  SequenceStates rows() {
    return rows;
  }

  @Override
  public void close() {
    rows.close();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return "InferenceState of " + batch + " sequences at token " + position();
  }
}
