package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.SsdPlan.aligned;
import static io.github.mamba4j.cuda.SsdPlan.optional;

import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/** The forward scan on tensor cores: the launches of {@code ssd_tensor.ptx}. */
final class CudaSsdTensor {
  private static final String FAMILY = "ssd_tensor";

  /** Chunks of a segment at least. */
  private static final int LEAST_CHUNKS = 4;

  private static final int THREADS = 128;

  private final Launcher launcher;
  private final CudaSsd scans;
  private final int enough;

  CudaSsdTensor(Launcher launcher, CudaSsd scans, int enough) {
    this.launcher = launcher;
    this.scans = scans;
    this.enough = enough;
  }

  /** Returns the most floats that the segments of a scan need, less than all chunks' states. */
  long segmentFloats(Shape shape) {
    // The wider the slices, the fewer walks there are, and the more segments.
    long segments = segments(shape, shape.batch() * shape.heads());
    return shape.batch() * segments * ((long) shape.dState() * shape.dInner() + shape.dInner());
  }

  private int segmentChunks(Shape shape, int walks) {
    int chunks = SsdPlan.chunks(shape);
    int wanted = Math.ceilDiv(enough, walks);
    return wanted == 1 ? chunks : Math.max(LEAST_CHUNKS, Math.ceilDiv(chunks, wanted));
  }

  private int segments(Shape shape, int walks) {
    return Math.ceilDiv(SsdPlan.chunks(shape), segmentChunks(shape, walks));
  }

  /**
   * A state's way through time.
   *
   * @param inputs what the scan reads
   * @param keys B or C
   * @param values x or the result's gradient
   * @param factor where the steps' factors begin among a chunk's vectors
   * @param ends where the state begins and ends
   */
  record Walk(Inputs inputs, View keys, View values, int factor, CudaSsd.Ends ends) {}

  void forward(Forward scan, SsdForm form) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    View vectors = aligned(scan.workspace());
    View room = vectors.plus(SsdPlan.vectorFloats(shape));
    scans.steps(shape, in, vectors);
    CudaSsd.Ends ends = new CudaSsd.Ends(in.initialState(), scan.finalState(), false, false);
    Walk walk = new Walk(in, in.b(), in.x(), SsdPlan.INPUT, ends);
    View starts = starts(shape, form, walk, vectors, room);
    Arguments arguments =
        new Arguments()
            .matrix(scan.out())
            .matrix(in.x())
            .matrix(in.b())
            .matrix(in.c())
            .pointer(vectors)
            .pointer(in.dSkip())
            .number(shape.skipPerChannel() ? 1 : 0)
            .number(SsdForm.byEights(scan.out()) ? 1 : 0)
            .pointer(starts);
    optional(arguments, in.initialState());
    optional(arguments, starts == null ? scan.finalState() : null);
    View checkpoints = scan.checkpoints();
    arguments.pointer(checkpoints == null ? null : aligned(checkpoints));
    launch(shape, form, "walk", arguments);
  }

  /**
   * Launches the walk of a state alone, which leaves the states on its way as bf16.
   *
   * @param left where they go
   * @param room floats for segments
   */
  void states(Shape shape, SsdForm form, Walk walk, View vectors, View left, View room) {
    View starts = starts(shape, form, walk, vectors, room);
    CudaSsd.Ends ends = walk.ends();
    Arguments arguments = walkArguments(walk, vectors).pointer(starts);
    optional(arguments, ends.first());
    optional(arguments, starts == null ? ends.last() : null).number(ends.add() ? 1 : 0);
    arguments.pointer(left).pointer(null).pointer(null);
    launch(shape, form, "walk_states", arguments);
  }

  private static Arguments walkArguments(Walk walk, View vectors) {
    return new Arguments()
        .matrix(walk.keys())
        .matrix(walk.values())
        .pointer(vectors)
        .number(walk.factor())
        .number(walk.ends().reverse() ? 1 : 0);
  }

  /**
   * Launches what finds the states that segments begin with, and leaves the last one's end.
   *
   * @return the states, or null if time is not cut
   */
  private @Nullable View starts(Shape shape, SsdForm form, Walk walk, View vectors, View room) {
    int slices = form.slices(shape);
    int segments = segments(shape, shape.batch() * slices);
    if (segments == 1) {
      return null;
    }
    long floats = (long) shape.batch() * segments * shape.dState() * shape.dInner();
    View decays = room.plus(floats);
    Arguments arguments = walkArguments(walk, vectors).pointer(null);
    optional(optional(arguments, null), null).number(0);
    arguments.pointer(null).pointer(room).pointer(decays);
    launch(shape, form, "walk_states", arguments);
    CudaSsd.Carry carry = new CudaSsd.Carry(room, decays, 1, segments, form.channels());
    scans.carry(shape, walk.inputs(), carry, walk.ends());
    return room;
  }

  private void launch(Shape shape, SsdForm form, String name, Arguments arguments) {
    int slices = form.slices(shape);
    int walks = shape.batch() * slices;
    int segments = segments(shape, walks);
    arguments
        .number(shape.length())
        .number(SsdPlan.chunks(shape))
        .number(shape.heads())
        .number(SsdPlan.headsPerGroup(shape))
        .number(form.slicesPerHead(shape))
        .number(segments)
        .number(segmentChunks(shape, walks));
    Grid grid = new Grid(Math.multiplyExact(walks, segments), 1, THREADS, 1);
    launcher.launch(form.kernel(FAMILY, name), grid.shared(form.walkShared()), arguments);
  }
}
