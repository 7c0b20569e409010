package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.emulator.EmulatedMemory;
import io.github.mamba4j.cuda.emulator.PtxProgram;
import io.github.mamba4j.spi.Replay;
import io.github.mamba4j.spi.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A GPU that the CPU plays. Its kernels are the PTX that a real one gets; what reaches out of its
 * memory, races or reads what was never written fails the test.
 *
 * <p>All emulated GPUs of a thread share their memory, since a test's memory and kernels may be of
 * two of them.
 */
final class EmulatedGpu implements TestGpu {
  private static final ThreadLocal<EmulatedMemory> MEMORY =
      ThreadLocal.withInitial(EmulatedMemory::new);
  private static final ThreadLocal<Map<PtxSource, PtxProgram>> PROGRAMS =
      ThreadLocal.withInitial(HashMap::new);

  private final Arena arena = Arena.ofShared();

  /** When a GPU runs what runs beside something else. */
  enum Side {
    /** Before it, the order that a real GPU would not choose. */
    EARLY,
    /** After it. */
    IN_ORDER,
    /** When it is waited for. */
    LATE
  }

  private final Side side;
  private boolean beside;

  /** Launches beside others that nothing waited for yet. */
  private final List<Runnable> pending = new ArrayList<>();

  private int allocationsLeft = Integer.MAX_VALUE;
  private final IdentityHashMap<Storage, MemorySegment> blocks = new IdentityHashMap<>();

  private final Set<Replay> graphs = new HashSet<>();

  /** Blocks by their address: a test may share the same memory twice. */
  private final Map<Long, DeviceMemory> shared = new HashMap<>();

  EmulatedGpu() {
    this(Side.EARLY);
  }

  EmulatedGpu(Side side) {
    this.side = side;
  }

  @Override
  public DeviceMemory share(MemorySegment host) {
    return shared.computeIfAbsent(
        host.address(),
        address -> {
          MEMORY.get().register(host);
          DeviceMemory memory = new DeviceMemory(address, host.byteSize());
          blocks.put(memory, host);
          return memory;
        });
  }

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    Runnable launch =
        () ->
            program(kernel)
                .launch(
                    kernel.name(),
                    blocks(grid),
                    threads(grid),
                    grid.sharedBytes(),
                    arguments.packed(),
                    MEMORY.get());
    if (beside && side == Side.LATE) {
      pending.add(launch);
    } else {
      launch.run();
    }
  }

  @Override
  public void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
    program(kernel)
        .launchTogether(
            kernel.name(),
            blocks(grid),
            threads(grid),
            grid.sharedBytes(),
            arguments.packed(),
            MEMORY.get());
  }

  private static PtxProgram program(Kernel kernel) {
    return PROGRAMS
        .get()
        .computeIfAbsent(kernel.source(), source -> PtxProgram.parse(source.text()));
  }

  private static int[] blocks(Grid grid) {
    return new int[] {grid.x(), grid.y(), grid.z()};
  }

  private static int[] threads(Grid grid) {
    return new int[] {grid.threadsX(), grid.threadsY(), 1};
  }

  @Override
  public int capability() {
    return 90;
  }

  /** Few, so that kernels that share out work by it take their ways for full and idle GPUs. */
  @Override
  public int multiprocessors() {
    return 4;
  }

  @Override
  public int sharedBytes() {
    return 227 << 10;
  }

  @Override
  public String name() {
    return "emulated GPU";
  }

  /** Has memory for so many blocks more. */
  void limitAllocations(int count) {
    allocationsLeft = count;
  }

  @Override
  public DeviceMemory allocate(long bytes) {
    if (allocationsLeft-- <= 0) {
      throw new OutOfMemoryError("EmulatedGpu.allocate: " + bytes + " bytes were asked for");
    }
    return share(arena.allocate(bytes, 256));
  }

  @Override
  public void free(Storage storage) {
    MemorySegment segment = segment(storage);
    MEMORY.get().forget(segment);
    shared.remove(segment.address());
    blocks.remove(storage);
  }

  private MemorySegment segment(Storage storage) {
    MemorySegment segment = blocks.get(storage);
    if (segment == null) {
      throw new IllegalArgumentException("EmulatedGpu: not a block of this GPU: " + storage);
    }
    return segment;
  }

  @Override
  public void write(MemorySegment source, Storage target, long targetByteOffset) {
    segment(target).asSlice(targetByteOffset, source.byteSize()).copyFrom(source);
  }

  @Override
  public void read(Storage source, long sourceByteOffset, MemorySegment target) {
    target.copyFrom(segment(source).asSlice(sourceByteOffset, target.byteSize()));
  }

  @Override
  public void synchronize() {}

  @Override
  public Replay capture(List<Runnable> launches) {
    List<Runnable> steps = List.copyOf(launches);
    Replay replay =
        new Replay() {
          @Override
          public void run() {
            steps.forEach(Runnable::run);
          }

          @Override
          public void close() {
            graphs.remove(this);
          }
        };
    graphs.add(replay);
    return replay;
  }

  @Override
  public @Nullable CudaStream stream() {
    return null;
  }

  @Override
  public void call(Runnable calls) {
    calls.run();
  }

  @Override
  public boolean isBeside() {
    return beside;
  }

  @Override
  public void beside(Runnable first, Runnable second) {
    if (side != Side.EARLY) {
      first.run();
    }
    beside = true;
    try {
      second.run();
    } finally {
      beside = false;
    }
    if (side == Side.EARLY) {
      first.run();
    }
  }

  @Override
  public void joinBeside() {
    pending.forEach(Runnable::run);
    pending.clear();
  }

  @Override
  public void together(Runnable launches) {
    launches.run();
  }

  @Override
  public int held() {
    return blocks.size() + graphs.size();
  }

  @Override
  public void close() {
    blocks.values().forEach(MEMORY.get()::forget);
    blocks.clear();
    arena.close();
  }
}
