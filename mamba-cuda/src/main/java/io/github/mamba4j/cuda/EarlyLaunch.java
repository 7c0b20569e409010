package io.github.mamba4j.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * The driver's {@code cuLaunchKernelEx}, for which JCuda has no call: launches that may begin
 * before the one before has ended (programmatic dependent launch). For one thread at a time.
 */
final class EarlyLaunch {
  private static final String LIBRARY = "libcuda.so.1";

  /** {@code CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION}. */
  private static final int SERIALIZATION = 6;

  private static final int ATTRIBUTE_BYTES = 72;
  private static final int VALUE_OFFSET = 8;

  /** {@code CU_LAUNCH_PARAM_BUFFER_POINTER} and {@code CU_LAUNCH_PARAM_BUFFER_SIZE}. */
  private static final long BUFFER_POINTER = 1;

  private static final long BUFFER_SIZE = 2;

  private static final MemoryLayout CONFIG =
      MemoryLayout.structLayout(
          MemoryLayout.sequenceLayout(6, JAVA_INT).withName("sizes"),
          JAVA_INT.withName("shared"),
          MemoryLayout.paddingLayout(4),
          JAVA_LONG.withName("stream"),
          ADDRESS.withName("attributes"),
          JAVA_INT.withName("count"),
          MemoryLayout.paddingLayout(4));

  private static final long SHARED = CONFIG.byteOffset(PathElement.groupElement("shared"));
  private static final long STREAM = CONFIG.byteOffset(PathElement.groupElement("stream"));
  private static final long ATTRIBUTES = CONFIG.byteOffset(PathElement.groupElement("attributes"));
  private static final long COUNT = CONFIG.byteOffset(PathElement.groupElement("count"));

  private final MethodHandle call;
  private final MemorySegment config;
  private final MemorySegment packed;
  private final MemorySegment packedBytes;
  private final MemorySegment extra;

  private EarlyLaunch(MethodHandle call) {
    this.call = call;
    Arena arena = Arena.ofAuto();
    MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
    attribute.set(JAVA_INT, 0, SERIALIZATION);
    attribute.set(JAVA_INT, VALUE_OFFSET, 1);
    config = arena.allocate(CONFIG);
    config.set(ADDRESS, ATTRIBUTES, attribute);
    config.set(JAVA_INT, COUNT, 1);
    packed = arena.allocate(Arguments.MOST_BYTES, Long.BYTES);
    packedBytes = arena.allocate(JAVA_LONG);
    extra =
        arena.allocateFrom(
            JAVA_LONG, BUFFER_POINTER, packed.address(), BUFFER_SIZE, packedBytes.address(), 0);
  }

  /** Returns the call, or empty if the driver is too old for it. */
  @SuppressWarnings("restricted") // There is no other way to a call that JCuda lacks.
  static Optional<EarlyLaunch> open() {
    try {
      return SymbolLookup.libraryLookup(LIBRARY, Arena.global())
          .find("cuLaunchKernelEx")
          .map(EarlyLaunch::handle)
          .map(EarlyLaunch::new);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  @SuppressWarnings("restricted") // The signature is the driver's.
  private static MethodHandle handle(MemorySegment symbol) {
    return Linker.nativeLinker()
        .downcallHandle(
            symbol, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
  }

  /**
   * Launches a kernel.
   *
   * @param function the driver's handle of it
   * @param grid blocks and threads
   * @param stream the driver's handle of the stream
   * @param arguments the kernel's
   * @return what the driver says
   */
  int launch(long function, Grid grid, long stream, Arguments arguments) {
    int[] sizes = {grid.x(), grid.y(), grid.z(), grid.threadsX(), grid.threadsY(), 1};
    MemorySegment.copy(sizes, 0, config, JAVA_INT, 0, sizes.length);
    config.set(JAVA_INT, SHARED, grid.sharedBytes());
    config.set(JAVA_LONG, STREAM, stream);
    MemorySegment from = MemorySegment.ofBuffer(arguments.packed());
    packed.copyFrom(from);
    packedBytes.set(JAVA_LONG, 0, from.byteSize());
    try {
      return (int) call.invokeExact(config, function, MemorySegment.NULL, extra);
    } catch (Throwable e) {
      throw new IllegalStateException("EarlyLaunch: the call failed", e);
    }
  }
}
