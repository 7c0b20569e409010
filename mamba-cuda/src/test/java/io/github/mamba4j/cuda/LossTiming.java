package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.OptimizerKernels.Slot;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Times the loss, the optimiser and sampling on this machine's first GPU, as graphs: medians of 20,
 * with the rate at which the least traffic was moved. The sizes are those of the models with 5 and
 * 130 million parameters.
 */
final class LossTiming {

  private final Gpu gpu;
  private final Random random = new Random(1);

  private LossTiming(Gpu gpu) {
    this.gpu = gpu;
  }

  public static void main(String[] arguments) {
    try (CudaDevice gpu = new CudaDevice(0)) {
      IO.println(gpu.name());
      LossTiming timing = new LossTiming(gpu);
      timing.loss(DType.BF16, 512, 8192);
      timing.loss(DType.BF16, 16_384, 8192);
      timing.loss(DType.F32, 16_384, 8192);
      timing.loss(DType.BF16, 256, 50_280);
      timing.loss(DType.BF16, 16_384, 50_280);
      timing.loss(DType.F32, 4096, 50_280);
      timing.loss(DType.BF16, 131_072, 256);
      timing.optimizer(6, 256, 8192);
      timing.optimizer(24, 768, 50_280);
      for (int rows : new int[] {1, 64}) {
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
          timing.sampling(type, rows, "greedy", 1, 1);
          timing.sampling(type, rows, "plain", 0, 1);
          timing.sampling(type, rows, "top-k 50", 50, 1);
          timing.sampling(type, rows, "top-p 0.9", 0, 0.9f);
        }
      }
    }
  }

  private View floats(long count) {
    return new View(gpu.allocate(4 * count), DType.F32, 0, count);
  }

  private View ints(int... values) {
    DeviceMemory memory = gpu.allocate(4L * values.length);
    gpu.write(MemorySegment.ofArray(values), memory, 0);
    return new View(memory, DType.I32, 0, values.length);
  }

  private View floats(float... values) {
    View view = floats((long) values.length);
    gpu.write(MemorySegment.ofArray(values), view.storage(), 0);
    return view;
  }

  private View logits(DType type, int rows, int vocab) {
    long count = (long) rows * vocab;
    DeviceMemory memory = gpu.allocate(type.bytes(count));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment row = arena.allocate(type.bytes(vocab), 64);
      for (int r = 0; r < rows; r++) {
        for (int i = 0; r < 64 && i < vocab; i++) {
          int bits = Float.floatToRawIntBits((float) (3 * random.nextGaussian()));
          if (type == DType.BF16) {
            row.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
          } else {
            row.setAtIndex(ValueLayout.JAVA_INT, i, bits);
          }
        }
        gpu.write(row, memory, type.bytes((long) r * vocab));
      }
    }
    return new View(memory, type, 0, vocab);
  }

  private void loss(DType type, int rows, int vocab) {
    LossKernels kernels = new CudaLoss(gpu);
    View logits = logits(type, rows, vocab);
    View grad = new View(gpu.allocate(type.bytes((long) rows * vocab)), type, 0, vocab);
    View targets = ints(random.ints(rows, 0, vocab).toArray());
    View weight = floats(1f / rows);
    LossKernels.CrossEntropy loss =
        new LossKernels.CrossEntropy(
            rows,
            vocab,
            logits,
            targets,
            weight,
            floats((long) rows),
            floats((long) rows),
            new Sink(grad, false));
    double bytes = 2.0 * type.bytes((long) rows * vocab);
    print("loss " + type + " " + rows + " x " + vocab, () -> kernels.crossEntropy(loss), bytes);
    print("meanWeight " + rows, () -> kernels.meanWeight(targets, rows, weight), 4.0 * rows);
    gpu.free(logits.storage());
    gpu.free(grad.storage());
  }

  private void optimizer(int layers, int width, int vocab) {
    OptimizerKernels kernels = new CudaOptimizer(gpu);
    List<Long> counts = new ArrayList<>(List.of((long) vocab * width, (long) width));
    for (int layer = 0; layer < layers; layer++) {
      long inner = 2L * width;
      counts.addAll(
          List.of(
              2 * inner * width,
              inner * 4,
              inner,
              inner * (width / 16 + 32),
              inner * (width / 16),
              inner,
              inner * 16,
              inner,
              inner * width,
              (long) width));
    }
    List<Slot> slots = new ArrayList<>();
    long total = 0;
    for (long count : counts) {
      slots.add(
          new Slot(count, floats(count), floats(count), floats(count), floats(count), 0.1f, null));
      total += count;
    }
    View norm = floats(1f);
    View workspace = floats(kernels.normWorkspaceFloats(slots));
    OptimizerKernels.AdamW step =
        new OptimizerKernels.AdamW(slots, floats(1e-3f, 0.1f, 0.05f), norm, 1, 0.9f, 0.95f, 1e-8f);
    String size = slots.size() + " tensors, " + total + " parameters";
    print("gradNorm " + size, () -> kernels.gradNorm(slots, norm, workspace), 4.0 * total);
    print("adamW " + size, () -> kernels.adamW(step), 28.0 * total);
    slots.stream()
        .flatMap(slot -> List.of(slot.value(), slot.grad(), slot.first(), slot.second()).stream())
        .forEach(view -> gpu.free(view.storage()));
  }

  private void sampling(DType type, int rows, String name, int topK, float topP) {
    SamplingKernels kernels = new CudaSampling(gpu);
    int vocab = 50_280;
    View logits = logits(type, rows, vocab);
    float[] settings = new float[rows * SamplingKernels.SETTINGS];
    int[] state = new int[rows * SamplingKernels.STATE];
    for (int row = 0; row < rows; row++) {
      settings[row * SamplingKernels.SETTINGS + SamplingKernels.SCALE] = 1;
      settings[row * SamplingKernels.SETTINGS + SamplingKernels.TOP_P] = topP;
      settings[row * SamplingKernels.SETTINGS + SamplingKernels.PENALTY] = 1;
      state[row * SamplingKernels.STATE + SamplingKernels.TOP_K] = topK;
    }
    SamplingKernels.Sample sample =
        new SamplingKernels.Sample(
            rows,
            vocab,
            logits,
            floats(settings),
            ints(state),
            null,
            ints(new int[rows]),
            floats((long) rows),
            floats(kernels.sampleWorkspaceFloats(rows, vocab)));
    double bytes = type.bytes((long) rows * vocab);
    print("sample " + type + " batch " + rows + ", " + name, () -> kernels.sample(sample), bytes);
  }

  /** Prints the median time of some launches. */
  private void print(String name, Runnable launches, double bytes) {
    double micros = GraphTimer.micros(gpu, launches);
    IO.print(
        String.format(
            Locale.ROOT, "%-50s %10.2f us %8.1f GB/s%n", name, micros, bytes / micros / 1e3));
  }
}
