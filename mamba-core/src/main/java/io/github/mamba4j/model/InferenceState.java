package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.nn.MixerState;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.ShapeMismatchException;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Running sequences: all that a model remembers of the tokens it has read.
 *
 * <p>Its size does not depend on how many tokens that were: nLayers · (dInner · dState +
 * convChannels · (dConv − 1)) floats a sequence. A state belongs to one caller at a time; several
 * states may run on one model at the same time. Reading tokens one by one, all at once or in any
 * pieces gives the same state, up to rounding.
 */
public final class InferenceState implements AutoCloseable {
  private static final int PREFILL_CHUNK = 256;
  private static final String VERSION = "1";
  private static final int[] NO_TOKENS = {};

  private final MambaModel model;
  private final int batch;
  private final Scope scope;
  private final List<MixerState> states = new ArrayList<>();
  private final Tensor ids;
  private final Tensor logits;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment hostIds;
  private final MemorySegment hostLogits;
  private final MemorySegment hostPiece;
  private final int[][] oneRow = new int[1][];
  private @Nullable Runnable step;
  private @Nullable Piece wholePiece;
  private @Nullable Piece restPiece;
  private long position;

  private InferenceState(MambaModel model, int batch) {
    this.model = model;
    this.batch = batch;
    this.scope = model.openScope();
    MambaConfig config = model.config();
    MixerConfig mixer = config.mixer();
    for (int i = 0; i < config.nLayers(); i++) {
      Tensor conv =
          mixer.dConv() > 1
              ? scope.zeros(Shape.of(batch, mixer.dConv() - 1, mixer.convChannels()))
              : null;
      Tensor ssm = scope.zeros(Shape.of(batch, mixer.dState(), mixer.dInner()));
      states.add(new MixerState(conv, ssm));
    }
    this.ids = scope.ints(Shape.of(batch, 1), new int[batch]);
    this.logits = scope.zeros(Shape.of(batch, config.vocabSize()));
    this.hostIds = arena.allocate(ValueLayout.JAVA_INT, batch);
    this.hostPiece = arena.allocate(ValueLayout.JAVA_INT, (long) batch * PREFILL_CHUNK);
    this.hostLogits = arena.allocate(ValueLayout.JAVA_FLOAT, (long) batch * config.vocabSize());
  }

  static InferenceState fresh(MambaModel model, int batch) {
    if (batch <= 0) {
      throw new IllegalArgumentException("InferenceState: batch must be positive, got " + batch);
    }
    return new InferenceState(model, batch);
  }

  /**
   * Returns the model that this state belongs to.
   *
   * @return the model
   */
  public MambaModel model() {
    return model;
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
   * Returns how many tokens each sequence has read.
   *
   * @return the count, not negative
   */
  public long position() {
    return position;
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
    check(tokens);
    MemorySegment.copy(tokens, 0, hostIds, ValueLayout.JAVA_INT, 0, batch);
    ids.write(hostIds);
    Runnable recorded = step;
    if (recorded == null) {
      step = scope.record(() -> logits.copyFrom(advance(ids)));
    } else {
      recorded.run();
    }
    position++;
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
    if (batch != 1) {
      throw new IllegalArgumentException(
          "InferenceState: prefill of one sequence on a state of "
              + batch
              + "; pass one row of tokens a sequence");
    }
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
   * @param tokens one row of token ids a sequence, all of one length
   * @throws IllegalArgumentException if the rows do not fit or an id does not exist; the state
   *     stays as it was
   */
  public void prefill(int[][] tokens) {
    if (tokens.length != batch) {
      throw new IllegalArgumentException(
          "InferenceState: prefill got " + tokens.length + " rows, expected batch = " + batch);
    }
    int length = tokens[0].length;
    for (int[] row : tokens) {
      if (row.length != length) {
        throw new IllegalArgumentException(
            "InferenceState: prefill got rows of "
                + length
                + " and "
                + row.length
                + " tokens; all must have one length");
      }
      check(row);
    }
    for (int start = 0; start < length; start += PREFILL_CHUNK) {
      int count = Math.min(PREFILL_CHUNK, length - start);
      Piece piece = piece(count);
      piece.read(tokens, start);
      if (start + count == length) {
        piece.computeLogits();
      }
      position += count;
    }
  }

  /**
   * Reads a piece whose checked ids are on the device already.
   *
   * @param pieceIds [batch, length], in a scope without gradients
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
    if (pieceIds.scope().recordsGradients()) {
      throw new IllegalArgumentException(
          "InferenceState: ids belongs to a scope that records gradients, which a state cannot"
              + " carry; make it in one of openScope()");
    }
    Tensor hidden = model.backbone().advance(pieceIds, states);
    logits.copyFrom(lastLogits(hidden));
    position += shape.dim(1);
    return hidden;
  }

  private Tensor advance(Tensor pieceIds) {
    return lastLogits(model.backbone().advance(pieceIds, states));
  }

  private Tensor lastLogits(Tensor hidden) {
    return model.logits(hidden.select(-1));
  }

  /** Returns a recorded piece; one of full size and the last one of another size are kept. */
  private Piece piece(int count) {
    if (count == PREFILL_CHUNK) {
      Piece whole = wholePiece;
      if (whole == null) {
        whole = new Piece(count);
        wholePiece = whole;
      }
      return whole;
    }
    Piece rest = restPiece;
    if (rest == null || rest.count != count) {
      if (rest != null) {
        restPiece = null;
        rest.close();
      }
      rest = new Piece(count);
      restPiece = rest;
    }
    return rest;
  }

  /**
   * Tokens that are read at once: recorded like a step, so the next piece of as many tokens makes
   * no objects.
   */
  private final class Piece {
    private final int count;
    private final Scope memory = scope.openSeparateChild();
    private final MemorySegment host;
    private final Tensor ids;
    private @Nullable Tensor hidden;
    private @Nullable Runnable body;
    private @Nullable Runnable head;

    Piece(int count) {
      this.count = count;
      this.host = hostPiece.asSlice(0, (long) batch * count * Integer.BYTES);
      this.ids = memory.ints(Shape.of(batch, count), new int[batch * count]);
    }

    void read(int[][] tokens, int start) {
      for (int i = 0; i < batch; i++) {
        long at = (long) i * count * Integer.BYTES;
        MemorySegment.copy(tokens[i], start, host, ValueLayout.JAVA_INT, at, count);
      }
      ids.write(host);
      Runnable recorded = body;
      if (recorded == null) {
        body = memory.record(() -> hidden = model.backbone().advance(ids, states));
      } else {
        recorded.run();
      }
    }

    void computeLogits() {
      Runnable recorded = head;
      if (recorded == null) {
        Tensor last = Objects.requireNonNull(hidden);
        head = memory.record(() -> logits.copyFrom(lastLogits(last)));
      } else {
        recorded.run();
      }
    }

    void close() {
      memory.close();
    }
  }

  private void check(int[] tokens) {
    int vocab = model.config().vocabSize();
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= vocab) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "InferenceState: token id %d at index %d does not exist, expected one in [0, %d)",
                tokens[i],
                i,
                vocab));
      }
    }
  }

  /**
   * Returns the logits of the next token, waiting for them. The memory is this state's own and
   * changes with the next call.
   *
   * @return floats, [batch, vocabulary], without padding rows
   * @throws IllegalStateException if no token was read yet
   */
  public MemorySegment logits() {
    if (position == 0) {
      throw new IllegalStateException(
          "InferenceState: there are no logits before the first token; call prefill or step");
    }
    logits.read(hostLogits);
    return hostLogits;
  }

  /**
   * Makes an independent copy that has read the same tokens.
   *
   * @return the copy, to be closed before the model
   */
  public InferenceState fork() {
    InferenceState copy = new InferenceState(model, batch);
    Map<String, Tensor> target = copy.tensors();
    tensors().forEach((name, tensor) -> Objects.requireNonNull(target.get(name)).copyFrom(tensor));
    copy.position = position;
    return copy;
  }

  /** Forgets all tokens. */
  public void reset() {
    tensors().values().forEach(tensor -> tensor.write(zeros(tensor)));
    position = 0;
  }

  private static MemorySegment zeros(Tensor tensor) {
    return MemorySegment.ofArray(new float[Math.toIntExact(tensor.shape().elements())]);
  }

  private Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < states.size(); i++) {
      MixerState state = states.get(i);
      if (state.conv() != null) {
        tensors.put("layers." + i + ".conv_state", state.conv());
      }
      tensors.put("layers." + i + ".ssm_state", state.ssm());
    }
    tensors.put("logits", logits);
    return tensors;
  }

  /**
   * Writes this state to a file: safetensors with {@code layers.i.conv_state} [batch, dConv − 1,
   * convChannels], {@code layers.i.ssm_state} [batch, dState, dInner] and the logits, and with the
   * fingerprint of the model that it belongs to. Written beside and moved into place.
   *
   * @param file the file
   * @throws IOException if it cannot be written; what was there before stays
   */
  public void save(Path file) throws IOException {
    SafetensorsWriter writer =
        new SafetensorsWriter()
            .metadata("format", "mamba4j-state")
            .metadata("version", VERSION)
            .metadata("model", model.fingerprint())
            .metadata("position", Long.toString(position));
    for (Map.Entry<String, Tensor> entry : tensors().entrySet()) {
      List<Long> shape = entry.getValue().shape().toList();
      writer.addFloats(entry.getKey(), shape, entry.getValue().toFloats());
    }
    writer.write(file);
  }

  /**
   * Reads a state back.
   *
   * @param model the model that it was saved from
   * @param file the file
   * @return the state, to be closed before the model
   * @throws CheckpointException if the file is no state, or one of another model
   * @throws IOException if it cannot be read
   */
  public static InferenceState load(MambaModel model, Path file) throws IOException {
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      Map<String, String> metadata = stored.metadata();
      if (!"mamba4j-state".equals(metadata.get("format"))
          || !VERSION.equals(metadata.get("version"))) {
        throw new CheckpointException(
            file + ": is no Mamba4J state of version " + VERSION + ", found " + metadata);
      }
      if (!model.fingerprint().equals(metadata.get("model"))) {
        throw new CheckpointException(
            file + ": was saved from a model with other weights; load that model first");
      }
      TensorEntry logits = stored.require("logits");
      InferenceState state = new InferenceState(model, Math.toIntExact(logits.shape().getFirst()));
      try {
        state.fill(stored);
        state.position = Long.parseLong(metadata.getOrDefault("position", "x"));
        return state;
      } catch (NumberFormatException e) {
        state.close();
        throw new CheckpointException(file + ": its position is no number", e);
      } catch (IOException | RuntimeException | Error e) {
        state.close();
        throw e;
      }
    }
  }

  private void fill(SafetensorsFile stored) throws CheckpointException {
    for (Map.Entry<String, Tensor> entry : tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      long[] shape = Arrays.stream(tensor.shape().toArray()).asLongStream().toArray();
      float[] values = stored.require(entry.getKey()).requireShape(shape).toFloatArray();
      tensor.write(MemorySegment.ofArray(values));
    }
  }

  @Override
  public void close() {
    if (wholePiece != null) {
      wholePiece.close();
    }
    if (restPiece != null) {
      restPiece.close();
    }
    scope.close();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return "InferenceState of " + batch + " sequences at token " + position;
  }
}
