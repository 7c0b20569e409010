package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.View;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * AdamW steps and the gradients' norm: the launches of {@code optimizer.ptx}.
 *
 * <p>A launch takes a table of tensors as a parameter, so it treats many of them whatever their
 * sizes, and a captured one keeps its table. The norm is summed segment by segment, then over the
 * segments, in an order given by the tensors' sizes.
 */
final class CudaOptimizer implements OptimizerKernels {
  /** Elements of a block of threads, as the kernels have them. */
  private static final int NORM_SEGMENT = 8192;

  private static final int STEP_SEGMENT = 4096;

  private static final int TABLE_BYTES = 4032;
  private static final int NORM_SLOT_BYTES = 16;
  private static final int STEP_SLOT_BYTES = 56;
  private static final int FOLD_THREADS = 1024;

  /** Larger tensors take several places in the table: a multiple of both segments. */
  private static final long MOST_ELEMENTS = 1 << 30;

  private final Launcher launcher;

  CudaOptimizer(Launcher launcher) {
    this.launcher = launcher;
  }

  /** A part of a tensor, so small that its elements are counted in 32 bits. */
  private record Part(Slot slot, long start, int count) {
    long address(View view) {
      return DeviceMemory.address(view.plus(start));
    }
  }

  private static List<Part> parts(List<Slot> slots) {
    List<Part> parts = new ArrayList<>();
    for (Slot slot : slots) {
      for (long start = 0; start < slot.count(); start += MOST_ELEMENTS) {
        parts.add(new Part(slot, start, (int) Math.min(MOST_ELEMENTS, slot.count() - start)));
      }
    }
    return parts;
  }

  /** Some parts as the kernels read them, and the blocks of threads that treat them. */
  private static final class Table {
    private final ByteBuffer bytes =
        ByteBuffer.allocate(TABLE_BYTES).order(ByteOrder.nativeOrder());
    private int slots;
    private int blocks;

    static Table ofNorm(List<Part> parts) {
      Table table = new Table();
      for (Part part : parts) {
        table.bytes.putLong(part.address(part.slot.grad()));
        table.end(part, NORM_SEGMENT);
      }
      return table;
    }

    static Table ofStep(List<Part> parts) {
      Table table = new Table();
      for (Part part : parts) {
        table
            .bytes
            .putLong(part.address(part.slot.value()))
            .putLong(part.address(part.slot.grad()))
            .putLong(part.address(part.slot.first()))
            .putLong(part.address(part.slot.second()));
        table.end(part, STEP_SEGMENT);
        View rounded = part.slot.rounded();
        table
            .bytes
            .putFloat(part.slot.weightDecay())
            .putInt(0)
            .putLong(rounded == null ? 0 : part.address(rounded));
      }
      return table;
    }

    private void end(Part part, int segment) {
      bytes.putInt(part.count).putInt(blocks);
      slots++;
      blocks += Math.ceilDiv(part.count, segment);
    }

    /** Appends the number of slots and the slots. */
    Arguments appendTo(Arguments arguments) {
      return arguments.number(slots).table(bytes.flip(), TABLE_BYTES);
    }

    Grid grid() {
      return new Grid(blocks, 1, Grid.THREADS, 1);
    }
  }

  @Override
  public long normWorkspaceFloats(List<Slot> slots) {
    long blocks = 0;
    for (Slot slot : slots) {
      blocks += Math.ceilDiv(slot.count(), NORM_SEGMENT);
    }
    return blocks;
  }

  @Override
  public void gradNorm(List<Slot> slots, View out, View workspace) {
    List<Part> parts = parts(slots);
    int most = TABLE_BYTES / NORM_SLOT_BYTES;
    long partials = 0;
    for (int from = 0; from < parts.size(); from += most) {
      Table table = Table.ofNorm(parts.subList(from, Math.min(from + most, parts.size())));
      Arguments arguments = new Arguments().pointer(workspace.plus(partials));
      launcher.launch(kernel("squares"), table.grid(), table.appendTo(arguments));
      partials += table.blocks;
    }
    Arguments arguments =
        new Arguments().pointer(out).pointer(workspace).number(Math.toIntExact(partials));
    launcher.launch(kernel("whole_norm"), new Grid(1, 1, FOLD_THREADS, 1), arguments);
  }

  @Override
  public void adamW(AdamW step) {
    List<Part> parts = parts(step.slots());
    int most = TABLE_BYTES / STEP_SLOT_BYTES;
    for (int from = 0; from < parts.size(); from += most) {
      Table table = Table.ofStep(parts.subList(from, Math.min(from + most, parts.size())));
      Arguments arguments =
          new Arguments()
              .pointer(step.step())
              .pointer(step.norm())
              .number(step.maxNorm())
              .number(step.beta1())
              .number(step.beta2())
              .number(step.eps());
      launcher.launch(kernel("adam_w"), table.grid(), table.appendTo(arguments));
    }
  }

  private static Kernel kernel(String name) {
    return new Kernel("optimizer", name);
  }
}
