package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Forward scans of shapes that are run in different ways. */
final class ScanSources {
  private static final DeviceMemory MEMORY = new DeviceMemory(1 << 20, 1 << 20);

  /** A step, a short scan, every amount of work a lane can have, long scans, cut time. */
  static final List<Shape> SHAPES =
      List.of(
          shape(64, 1, 2560, 16),
          shape(1, 17, 768, 16),
          shape(64, 2048, 2048, 16),
          shape(8, 2048, 2048, 16),
          shape(2, 1024, 768, 16),
          shape(1, 65_536, 2048, 16),
          shape(1, 2048, 1536, 32),
          shape(1, 100_000, 256, 16),
          shape(2, 700, 19, 5),
          shape(3, 300, 2000, 1),
          shape(1, 300, 500, 200),
          new Shape(2, 100, 512, 16, Discretization.ZOH, false));

  /** The sources of all their kernels. */
  static final List<PtxSource> ALL = sources();

  private ScanSources() {}

  private static Shape shape(int batch, int length, int dInner, int dState) {
    return new Shape(batch, length, dInner, dState, Discretization.EULER, true);
  }

  private static View view(DType type, long stride) {
    return new View(MEMORY, type, 16, stride);
  }

  /** Runs a forward scan whose rows lie at multiples of vectors, or one element after them. */
  static void run(ScanKernels kernels, Shape shape, DType type, boolean aligned, boolean all) {
    int gap = aligned ? 0 : 1;
    View x = view(type, shape.dInner() + gap);
    View bc = view(type, 2L * shape.dState() + gap);
    View floats = view(DType.F32, shape.dInner());
    View maybe = all ? floats : null;
    Inputs inputs = new Inputs(x, x, floats, bc, bc, maybe, all ? x : null, maybe, maybe);
    kernels.forward(new Forward(shape, inputs, x, maybe, maybe, floats));
  }

  /** A forward scan without what may be missing. */
  static Forward forward(Shape shape, View x, View floats) {
    View bc = new View(x.storage(), x.type(), 0, shape.dState());
    Inputs inputs = new Inputs(x, x, floats, bc, bc, null, null, null, null);
    return new Forward(shape, inputs, x, null, null, floats);
  }

  private static List<PtxSource> sources() {
    Set<PtxSource> sources = new LinkedHashSet<>();
    CudaScan kernels =
        new CudaScan(
            new Launcher() {
              @Override
              public void launch(Kernel kernel, Grid grid, Arguments arguments) {
                sources.add(kernel.source());
              }

              @Override
              public int multiprocessors() {
                return 132;
              }

              @Override
              public int sharedBytes() {
                return 227 << 10;
              }
            });
    for (int i = 0; i < SHAPES.size(); i++) {
      boolean half = i % 2 == 0;
      run(kernels, SHAPES.get(i), half ? DType.BF16 : DType.F32, true, true);
      run(kernels, SHAPES.get(i), half ? DType.F32 : DType.BF16, i % 4 != 0, i % 4 < 2);
    }
    return new ArrayList<>(sources);
  }
}
