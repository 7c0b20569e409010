package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How the scans of Mamba-2 are cut, by shape alone, and where the parts lie in the workspace. */
final class SsdPlan {
  /** Steps of a chunk, whatever was asked: as many as a tile of the products has rows. */
  static final int CHUNK = 64;

  /** Rows and columns of a tile of a product. */
  static final int TILE = 64;

  /** Threads of the kernels that compute such tiles. */
  static final int TILE_THREADS = 128;

  /** Floats of the six vectors of a head's chunk. */
  static final int VECTORS = 6 * CHUNK;

  /** Where the factors from before a chunk to a step begin among these; the last is the decay. */
  static final int ENTER = 3 * CHUNK;

  /** Where the factors from a step to after the chunk, times the step size, begin. */
  static final int INPUT = 5 * CHUNK;

  /** Floats of the products of a chunk's pairs of steps. */
  static final int PAIRS = CHUNK * CHUNK;

  /** The most steps that are run one after another. */
  private static final int MOST_STEPS = 8;

  /** Bytes that vectors of four floats lie at multiples of. */
  private static final int ALIGNMENT = 16;

  /** Floats to reach the next multiple. */
  static final int SLACK = ALIGNMENT / Float.BYTES - 1;

  private SsdPlan() {}

  /** Returns the number of chunks of a sequence. */
  static int chunks(Shape shape) {
    return Math.ceilDiv(shape.length(), CHUNK);
  }

  /** Returns the number of chunks of all sequences. */
  static int allChunks(Shape shape) {
    return Math.multiplyExact(shape.batch(), chunks(shape));
  }

  /** Returns whether a scan runs step by step, reading and writing states and nothing else. */
  static boolean stepwise(Shape shape) {
    return shape.length() <= MOST_STEPS;
  }

  /** Returns the number of tiles that cover so many rows or columns. */
  static int tiles(int size) {
    return Math.ceilDiv(size, TILE);
  }

  static int headsPerGroup(Shape shape) {
    return shape.heads() / shape.groups();
  }

  /** Returns the size of the states that begin all chunks. */
  static long stateFloats(Shape shape) {
    return (long) allChunks(shape) * shape.dState() * shape.dInner();
  }

  static long vectorFloats(Shape shape) {
    return (long) allChunks(shape) * shape.heads() * VECTORS;
  }

  static long pairFloats(Shape shape) {
    return (long) allChunks(shape) * shape.groups() * PAIRS;
  }

  /** Returns a grid of so many blocks of a kernel of tiles. */
  static Grid tileGrid(long... factors) {
    long blocks = Arrays.stream(factors).reduce(1, Math::multiplyExact);
    return new Grid(Math.toIntExact(blocks), 1, TILE_THREADS, 1);
  }

  /** Returns memory of the library's own from its first multiple of 16 bytes on. */
  static View aligned(View view) {
    long beyond = DeviceMemory.address(view) % ALIGNMENT;
    return beyond == 0 ? view : view.plus((ALIGNMENT - beyond) / Float.BYTES);
  }

  /** Returns a kernel in the form for a scan's type of activations. */
  static Kernel kernel(String file, String name, Inputs inputs) {
    String type = inputs.x().type() == DType.BF16 ? "bf16" : "f32";
    return new Kernel(new PtxSource(file, Map.of("T", type)), name);
  }

  /** Returns 1 if four neighbouring elements may be read and written at once, else 0. */
  static int vectors(Shape shape, @Nullable View... views) {
    boolean fit =
        shape.headDim() % 4 == 0
            && shape.dState() % 4 == 0
            && Arrays.stream(views).filter(Objects::nonNull).allMatch(SsdPlan::byFours);
    return fit ? 1 : 0;
  }

  private static boolean byFours(@Nullable View view) {
    return view == null
        || (view.stride() % 4 == 0 && DeviceMemory.address(view) % view.type().bytes(4) == 0);
  }

  static @Nullable View viewOf(@Nullable Sink sink) {
    return sink == null ? null : sink.view();
  }

  static int adds(@Nullable Sink sink) {
    return sink != null && sink.add() ? 1 : 0;
  }

  /** Appends a view that may be absent: no address and no stride then. */
  static Arguments optional(Arguments arguments, @Nullable View view) {
    return arguments.pointer(view).wide(view == null ? 0 : view.stride());
  }
}
