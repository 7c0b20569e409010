package io.github.mamba4j.model;

import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.nn.MixerState;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The states of sequences side by side, one a row, and the recorded work that moves them on.
 *
 * <p>Every row gets the bits that it gets beside any others, and alone but where {@link
 * io.github.mamba4j.spi.StepKernels} run a step. So steps run in groups of as many rows as the
 * matrix products give the same bits ({@link io.github.mamba4j.tensor.Device#batchInvariantRows});
 * and of what is read at once, only short pieces of equal length run together.
 */
final class SequenceStates implements AutoCloseable {
  /** Longer pieces of several rows gain nothing from running together. */
  private static final int SHARED_PIECE = ScanKernels.BATCH_INVARIANT_STEPS;

  /** Recorded pieces that are kept: one of full size, the rest, and one more. */
  private static final int KEPT_PIECES = 3;

  private final MambaModel model;
  private final int rows;
  private final int invariantRows;
  private final int group;

  /** Most tokens that are read at once. */
  private final int pieceLength;

  private final Scope scope;
  private final Scope stepMemory;
  private final boolean ownStepMemory;
  private final StateBlocks blocks;
  private final List<MixerState> states = new ArrayList<>();
  private final Tensor chosen;

  /** The first row of {@link #chosen}. */
  private final Tensor ids;

  private final Tensor logits;
  private final @Nullable Tensor[] logitsRows;
  private final long[] positions;
  private final long[] markedPositions;
  private final int[] rests;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment hostIds;
  private @Nullable MemorySegment hostPiece;
  private final @Nullable Runnable[] steps;
  private final List<Piece> pieces = new ArrayList<>();
  private long uses;

  /**
   * Makes rows that have read nothing.
   *
   * @param model the model
   * @param rows how many, positive
   * @param stepMemory where steps compute, shared with others of the same thread and closed after
   *     them; null for memory of their own
   */
  SequenceStates(MambaModel model, int rows, @Nullable Scope stepMemory) {
    this.model = model;
    this.rows = rows;
    this.invariantRows = model.device().batchInvariantRows();
    this.group = Math.min(rows, invariantRows);
    this.pieceLength = model.device().pieceLength();
    this.scope = model.openScope();
    this.ownStepMemory = stepMemory == null;
    this.stepMemory = stepMemory == null ? model.openStepScope() : stepMemory;
    MambaConfig config = model.config();
    MixerConfig mixer = config.mixer();
    boolean hasConv = mixer.dConv() > 1;
    List<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < config.nLayers(); i++) {
      if (hasConv) {
        shapes.add(Shape.of(rows, mixer.dConv() - 1, mixer.convChannels()));
      }
      shapes.add(Shape.of(rows, mixer.dState(), mixer.dInner()));
    }
    shapes.add(Shape.of(rows, config.vocabSize()));
    blocks = new StateBlocks(scope);
    Iterator<Tensor> tensors = blocks.cut(shapes).iterator();
    for (int i = 0; i < config.nLayers(); i++) {
      states.add(new MixerState(hasConv ? tensors.next() : null, tensors.next()));
    }
    logits = tensors.next();
    chosen = scope.ints(Shape.of(2, rows), new int[2 * rows]);
    ids = chosen.slice(0, 1).reshape(Shape.of(rows, 1));
    logitsRows = new @Nullable Tensor[rows];
    positions = new long[rows];
    markedPositions = new long[rows];
    rests = new int[rows];
    hostIds = arena.allocate(ValueLayout.JAVA_INT, rows);
    steps = new @Nullable Runnable[Math.ceilDiv(rows, group) * group];
  }

  MambaModel model() {
    return model;
  }

  int rows() {
    return rows;
  }

  /** Returns how many tokens a row has read. */
  long position(int row) {
    return positions[row];
  }

  void setPosition(int row, long position) {
    positions[row] = position;
  }

  /** The logits of the next tokens, [rows, vocabulary]. */
  Tensor logits() {
    return logits;
  }

  /** The logits of the next token of one row, [1, vocabulary]; the same object each time. */
  Tensor logits(int row) {
    Tensor cached = logitsRows[row];
    if (cached == null) {
      cached = logits.slice(row, 1);
      logitsRows[row] = cached;
    }
    return cached;
  }

  /** The next tokens where they are chosen, [2, rows], see {@link InferenceState#chosen}. */
  Tensor chosen() {
    return chosen;
  }

  /** Remembers what all rows are. */
  void mark() {
    blocks.keep();
    System.arraycopy(positions, 0, markedPositions, 0, rows);
  }

  /** Returns whether {@link #mark} was called. */
  boolean isMarked() {
    return blocks.areKept();
  }

  /** Makes all rows what they were at the last {@link #mark}. */
  void rewind() {
    blocks.restore();
    System.arraycopy(markedPositions, 0, positions, 0, rows);
  }

  /** Returns all memory that is held, here and on the device, without shared step memory. */
  long reservedBytes() {
    long bytes = scope.reservedBytes() + (ownStepMemory ? stepMemory.reservedBytes() : 0);
    for (Piece piece : pieces) {
      bytes += piece.memory.reservedBytes();
    }
    return bytes;
  }

  /**
   * Reads one token of each of the first rows. A call like an earlier one makes no objects.
   *
   * @param count how many rows
   * @param tokens their tokens, all of which exist
   */
  void step(int count, int[] tokens) {
    MemorySegment.copy(tokens, 0, hostIds, ValueLayout.JAVA_INT, 0, count);
    ids.write(hostIds);
    stepOnDevice(count);
  }

  /** Reads the tokens of the first rows that {@link #chosen} has, as {@link #step} does. */
  void stepOnDevice(int count) {
    model.backbone().refresh(stepMemory);
    for (int first = 0; first < count; first += group) {
      int size = Math.min(group, count - first);
      Runnable recorded = steps[first + size - 1];
      if (recorded == null) {
        steps[first + size - 1] = recordStep(first, size);
      } else {
        recorded.run();
      }
    }
    for (int i = 0; i < count; i++) {
      positions[i]++;
    }
  }

  /** Steps use each other's memory: what they leave lies in the rows. */
  private Runnable recordStep(int first, int size) {
    return stepMemory.record(() -> {
      try (Scope work = stepMemory.openChild()) {
        Tensor hidden = advance(ids.slice(first, size).in(work), first, size);
        computeLogits(hidden, first, size);
      }
    });
  }

  private Tensor advance(Tensor pieceIds, int first, int size) {
    List<MixerState> parts = new ArrayList<>();
    for (MixerState state : states) {
      Tensor conv = state.conv() == null ? null : state.conv().slice(first, size);
      parts.add(new MixerState(conv, state.ssm().slice(first, size)));
    }
    return model.backbone().advance(pieceIds, parts);
  }

  private void computeLogits(Tensor hidden, int first, int size) {
    model.logits(hidden.select(-1), logits.slice(first, size));
  }

  /**
   * Reads tokens of each row, in pieces of bounded size. Each row is cut by its own length alone.
   *
   * @param tokens a row of tokens for each row, all of which exist; those of no tokens stay as they
   *     are
   */
  void prefill(int[][] tokens) {
    for (int row = 0; row < rows; row++) {
      int length = tokens[row].length;
      int start = 0;
      while (length - start > SHARED_PIECE) {
        int count = Math.min(pieceLength, length - start);
        start += count;
        readPiece(row, tokens[row], start - count, count, start == length);
      }
      rests[row] = length - start;
    }
    int size;
    for (int first = 0; first < rows; first += size) {
      int count = rests[first];
      // Together they must lie on the side of the limit where each lies alone.
      int most = count <= invariantRows ? invariantRows / Math.max(1, count) : pieceLength / count;
      size = 1;
      while (size < most && first + size < rows && rests[first + size] == count) {
        size++;
      }
      if (count > 0) {
        readRests(tokens, first, size, count);
      }
    }
  }

  private void readRests(int[][] tokens, int first, int size, int count) {
    Piece piece = piece(first, size, count);
    for (int i = 0; i < size; i++) {
      int[] row = tokens[first + i];
      piece.put(i, row, row.length - count);
    }
    piece.read();
    piece.computeLogits();
  }

  /**
   * Reads a piece of one row.
   *
   * @param row the row
   * @param tokens holds the tokens
   * @param start the first one
   * @param count how many, from 1 to a piece's length
   * @param last true to compute the logits of the token that follows
   */
  void readPiece(int row, int[] tokens, int start, int count, boolean last) {
    Piece piece = piece(row, 1, count);
    piece.put(0, tokens, start);
    piece.read();
    if (last) {
      piece.computeLogits();
    }
  }

  /**
   * Reads a piece of all rows whose checked ids are on the device already. Gradients, if the ids'
   * scope records them, end at the piece's beginning.
   *
   * @param pieceIds [rows, length]
   * @return the normalised hidden states, [rows, length, dModel], in the ids' scope
   */
  Tensor read(Tensor pieceIds) {
    Scope work = pieceIds.scope();
    Tensor hidden;
    if (work.recordsGradients()) {
      hidden = model.backbone().forward(pieceIds, states);
      // In F32: rows of another type would have the whole head converted.
      model.logits(work.keep(hidden.select(-1)), logits);
    } else {
      model.backbone().refresh(stepMemory);
      hidden = advance(pieceIds, 0, rows);
      computeLogits(hidden, 0, rows);
    }
    for (int i = 0; i < rows; i++) {
      positions[i] += pieceIds.shape().dim(1);
    }
    return hidden;
  }

  private Piece piece(int first, int size, int count) {
    uses++;
    Piece oldest = null;
    for (int i = 0; i < pieces.size(); i++) {
      Piece piece = pieces.get(i);
      if (piece.first == first && piece.size == size && piece.count == count) {
        piece.lastUse = uses;
        return piece;
      }
      oldest = oldest == null || piece.lastUse < oldest.lastUse ? piece : oldest;
    }
    if (oldest != null && pieces.size() == KEPT_PIECES) {
      pieces.remove(oldest);
      oldest.memory.close();
    }
    Piece fresh = new Piece(first, size, count);
    pieces.add(fresh);
    return fresh;
  }

  private MemorySegment hostPiece() {
    MemorySegment host = hostPiece;
    if (host == null) {
      host = arena.allocate(ValueLayout.JAVA_INT, pieceLength);
      hostPiece = host;
    }
    return host;
  }

  /** Tokens of some rows that are read at once, recorded like a step. */
  private final class Piece {
    private final int first;
    private final int size;
    private final int count;
    private final Scope memory = scope.openSeparateChild();
    private final MemorySegment host;
    private final Tensor pieceIds;
    private @Nullable Tensor hidden;
    private @Nullable Runnable body;
    private @Nullable Runnable head;
    private long lastUse = uses;

    Piece(int first, int size, int count) {
      this.first = first;
      this.size = size;
      this.count = count;
      this.host = hostPiece().asSlice(0, (long) size * count * Integer.BYTES);
      this.pieceIds = memory.ints(Shape.of(size, count), new int[size * count]);
    }

    void put(int row, int[] tokens, int start) {
      long at = (long) row * count * Integer.BYTES;
      MemorySegment.copy(tokens, start, host, ValueLayout.JAVA_INT, at, count);
    }

    void read() {
      pieceIds.write(host);
      model.backbone().refresh(stepMemory);
      Runnable recorded = body;
      if (recorded == null) {
        body = memory.record(() -> hidden = advance(pieceIds, first, size));
      } else {
        recorded.run();
      }
      for (int i = first; i < first + size; i++) {
        positions[i] += count;
      }
    }

    void computeLogits() {
      Runnable recorded = head;
      if (recorded == null) {
        Tensor last = Objects.requireNonNull(hidden);
        head = memory.record(() -> SequenceStates.this.computeLogits(last, first, size));
      } else {
        recorded.run();
      }
    }
  }

  /** Makes a row what another one is; both models must be one. */
  void copyRow(int to, SequenceStates from, int row) {
    List<Tensor> source = from.tensorsOf(row);
    List<Tensor> target = tensorsOf(to);
    for (int i = 0; i < target.size(); i++) {
      target.get(i).copyFrom(source.get(i));
    }
    positions[to] = from.positions[row];
  }

  /** Makes all rows forget all tokens. */
  void clear() {
    blocks.clear();
    Arrays.fill(positions, 0);
  }

  /** Returns the size of what {@link #readRow} copies. */
  long rowBytes() {
    return tensorsOf(0).stream().mapToLong(Tensor::byteSize).sum();
  }

  /** Copies all of a row but its position to host memory of {@link #rowBytes}. */
  void readRow(int row, MemorySegment target) {
    long at = 0;
    for (Tensor tensor : tensorsOf(row)) {
      tensor.read(target.asSlice(at, tensor.byteSize()));
      at += tensor.byteSize();
    }
  }

  /** Makes a row what {@link #readRow} copied. */
  void writeRow(int row, MemorySegment source, long position) {
    long at = 0;
    for (Tensor tensor : tensorsOf(row)) {
      tensor.write(source.asSlice(at, tensor.byteSize()));
      at += tensor.byteSize();
    }
    positions[row] = position;
  }

  private List<Tensor> tensorsOf(int row) {
    return tensors().values().stream().map(tensor -> tensor.slice(row, 1)).toList();
  }

  /** Returns what is saved, by the names in a file: all layers' states and the logits. */
  Map<String, Tensor> tensors() {
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

  @Override
  public void close() {
    pieces.forEach(piece -> piece.memory.close());
    pieces.clear();
    if (ownStepMemory) {
      stepMemory.close();
    }
    scope.close();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
