package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.SsdPlan.adds;
import static io.github.mamba4j.cuda.SsdPlan.aligned;
import static io.github.mamba4j.cuda.SsdPlan.allChunks;
import static io.github.mamba4j.cuda.SsdPlan.optional;
import static io.github.mamba4j.cuda.SsdPlan.viewOf;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of Mamba-2's scan on tensor cores: the launches of {@code ssd_tensor_backward.ptx}.
 *
 * <p>The gradient of the state walks from the last chunk to the first; then all chunks are
 * independent.
 */
final class CudaSsdTensorBackward {
  private static final int THREADS = 256;

  private final Launcher launcher;
  private final CudaSsd scans;
  private final CudaSsdTensor walks;
  private final CudaSsdBackward floats;
  private final int enough;

  CudaSsdTensorBackward(
      Launcher launcher, CudaSsd scans, CudaSsdTensor walks, CudaSsdBackward floats, int enough) {
    this.launcher = launcher;
    this.scans = scans;
    this.walks = walks;
    this.floats = floats;
    this.enough = enough;
  }

  /** Returns the blocks that the slices of a group are cut into. */
  private int blocks(Shape shape, int slices) {
    int tasks = allChunks(shape) * shape.groups();
    return Math.clamp(enough / tasks, 1, slices / shape.groups());
  }

  private Rooms rooms(Shape shape, int slices) {
    return Rooms.of(shape, slices, blocks(shape, slices), walks.segmentFloats(shape));
  }

  /**
   * Where what one kernel leaves for another lies, in floats from the workspace's first multiple of
   * 16 bytes on.
   */
  private record Rooms(
      long states,
      long segments,
      long outGrad,
      long partials,
      long partialFloats,
      long passing,
      long direct,
      long outTerms,
      long inTerms,
      long kept,
      long parameterGrads,
      long skipGrads,
      long end) {
    static Rooms of(Shape shape, int slices, int blocks, long segmentFloats) {
      long chunks = allChunks(shape);
      long numbers = chunks * slices;
      long steps = numbers * SsdPlan.CHUNK;
      long heads = chunks * shape.heads();
      long tiles = chunks * shape.groups() * SsdPlan.tiles(shape.dState());
      long partialFloats = blocks == 1 ? 0 : tiles * blocks * SsdPlan.PAIRS;
      // First multiples of four floats.
      long partials = SsdPlan.vectorFloats(shape);
      long passing = partials + 2 * partialFloats;
      long direct = passing + 2 * steps;
      long outTerms = direct + steps;
      long inTerms = outTerms + steps;
      long outGrad = inTerms + steps;
      long rows = (long) shape.batch() * shape.length();
      long states = outGrad + Math.ceilDiv(rows * shape.dInner(), 8) * 4;
      long segments = states + Math.ceilDiv(SsdPlan.stateFloats(shape), 8) * 4;
      long kept = segments + segmentFloats;
      long parameterGrads = kept + numbers;
      long skipGrads = parameterGrads + 2 * heads;
      long end = skipGrads + chunks * shape.dInner();
      return new Rooms(
          states,
          segments,
          outGrad,
          partials,
          partialFloats,
          passing,
          direct,
          outTerms,
          inTerms,
          kept,
          parameterGrads,
          skipGrads,
          end);
    }
  }

  /** Returns the floats that a scan needs, whatever its form. */
  long workspaceFloats(Shape shape) {
    int narrow = Math.max(shape.heads(), shape.dInner() / SsdForm.LEAST_CHANNELS);
    return SsdPlan.SLACK + Math.max(rooms(shape, shape.heads()).end(), rooms(shape, narrow).end());
  }

  void run(Backward scan, SsdForm form) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Rooms rooms = rooms(shape, form.slices(shape));
    View vectors = aligned(scan.workspace());
    View states = vectors.plus(rooms.states());
    View outGrad = outGrad(scan, form, vectors.plus(rooms.outGrad()));
    scans.steps(shape, in, vectors);
    Sink initial = scan.gradients().initialState();
    CudaSsd.Ends ends =
        new CudaSsd.Ends(scan.finalStateGrad(), viewOf(initial), adds(initial) == 1, true);
    CudaSsdTensor.Walk walk = new CudaSsdTensor.Walk(in, in.c(), outGrad, SsdPlan.ENTER, ends);
    walks.states(shape, form, walk, vectors, states, vectors.plus(rooms.segments()));
    CudaSsdBackward.Terms terms =
        new CudaSsdBackward.Terms(
            vectors,
            vectors.plus(rooms.direct()),
            vectors.plus(rooms.passing()),
            vectors.plus(rooms.outTerms()),
            vectors.plus(rooms.inTerms()),
            vectors.plus(rooms.kept()),
            vectors.plus(rooms.parameterGrads()),
            vectors.plus(rooms.skipGrads()));
    View partials = vectors.plus(rooms.partials());
    View others = partials.plus(rooms.partialFloats());
    chunkGrads(scan, form, outGrad, states, terms, partials, others);
    int blocks = blocks(shape, form.slices(shape));
    floats.foldProjection(shape, in, partials, blocks, scan.gradients().b());
    floats.foldProjection(shape, in, others, blocks, scan.gradients().c());
    int parts = form.slicesPerHead(shape);
    floats.stepGrads(scan, terms, new CudaSsdBackward.Parts(parts, parts, parts, parts));
  }

  /** Returns the result's gradient where eight elements may be read at once. */
  private View outGrad(Backward scan, SsdForm form, View room) {
    View outGrad = scan.outGrad();
    if (SsdForm.byEights(outGrad)) {
      return outGrad;
    }
    int cols = scan.shape().dInner();
    int rows = scan.shape().batch() * scan.shape().length();
    View copy = new View(room.storage(), DType.BF16, 2 * room.offset(), cols);
    Arguments arguments = new Arguments().matrix(copy).matrix(outGrad).number(rows).number(cols);
    Grid grid = new Grid(Math.ceilDiv(cols, THREADS), Math.min(rows, Grid.MAX_Y), THREADS, 1);
    launcher.launch(form.kernel("ssd_tensor", "align_rows"), grid, arguments);
    return copy;
  }

  private static int byTwos(@Nullable Sink... sinks) {
    for (Sink sink : sinks) {
      if (sink != null
          && (sink.view().stride() % 2 != 0
              || DeviceMemory.address(sink.view()) % DType.BF16.bytes(2) != 0)) {
        return 0;
      }
    }
    return 1;
  }

  private void chunkGrads(
      Backward scan,
      SsdForm form,
      View outGrad,
      View states,
      CudaSsdBackward.Terms terms,
      View bPartials,
      View cPartials) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Gradients grads = scan.gradients();
    Arguments arguments = new Arguments();
    for (Sink sink : new @Nullable Sink[] {grads.x(), grads.b(), grads.c()}) {
      optional(arguments, viewOf(sink)).number(adds(sink));
    }
    int slices = form.slices(shape);
    int blocks = blocks(shape, slices);
    arguments
        .number(byTwos(grads.x(), grads.b(), grads.c()))
        .pointer(bPartials)
        .pointer(cPartials)
        .matrix(in.x())
        .matrix(outGrad)
        .matrix(in.b())
        .matrix(in.c())
        .pointer(aligned(scan.checkpoints()))
        .pointer(states)
        .pointer(terms.vectors())
        .pointer(in.dSkip())
        .number(shape.skipPerChannel() ? 1 : 0)
        .pointer(terms.direct())
        .pointer(terms.passing())
        .pointer(terms.outTerms())
        .pointer(terms.inTerms())
        .pointer(terms.kept())
        .pointer(terms.skipGrads())
        .number(shape.length())
        .number(SsdPlan.chunks(shape))
        .number(shape.heads())
        .number(SsdPlan.headsPerGroup(shape))
        .number(form.slicesPerHead(shape))
        .number(blocks);
    int x = Math.multiplyExact(allChunks(shape) * shape.groups(), blocks);
    Grid grid = new Grid(x, 1, THREADS, 1).shared(form.backwardShared());
    launcher.launch(form.kernel("ssd_tensor_backward", "chunk_grads"), grid, arguments);
  }
}
