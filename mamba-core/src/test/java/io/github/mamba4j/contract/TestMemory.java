package io.github.mamba4j.contract;

import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.IdentityHashMap;
import java.util.function.Function;

/**
 * Memory that a test reads and writes on the host and the kernels under test see as a storage.
 * Which kind of storage the running test's thread gets, its contract says.
 */
public final class TestMemory {
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  /** For tests that run no kernels. */
  private record HostOnly(long byteSize) implements Storage {}

  private static final ThreadLocal<TestMemory> CURRENT =
      ThreadLocal.withInitial(() -> new TestMemory(memory -> new HostOnly(memory.byteSize())));

  private final Function<MemorySegment, Storage> storages;
  private final IdentityHashMap<Storage, MemorySegment> hosts = new IdentityHashMap<>();

  private TestMemory(Function<MemorySegment, Storage> storages) {
    this.storages = storages;
  }

  /** Makes this thread's storages of host memory in a way, until {@link #end}. */
  static void begin(Function<MemorySegment, Storage> storages) {
    CURRENT.set(new TestMemory(storages));
  }

  static void end() {
    CURRENT.remove();
  }

  /**
   * Returns memory that lives as long as something refers to it, zeroed, 64-byte aligned, not
   * empty.
   */
  static MemorySegment allocate(long bytes) {
    return Arena.ofAuto().allocate(Math.max(Float.BYTES, bytes), 64);
  }

  /** Returns host memory as a storage. */
  static Storage storage(MemorySegment host) {
    TestMemory current = CURRENT.get();
    Storage storage = current.storages.apply(host);
    current.hosts.put(storage, host);
    return storage;
  }

  /** Returns the host memory of a view of {@link #storage}; the view's offset still applies. */
  static MemorySegment host(View view) {
    MemorySegment host = CURRENT.get().hosts.get(view.storage());
    if (host == null) {
      throw new AssertionError("not made by TestMemory: " + view);
    }
    return host;
  }

  static float get(MemorySegment memory, long index) {
    return memory.get(FLOAT, index << 2);
  }

  static void set(MemorySegment memory, long index, float value) {
    memory.set(FLOAT, index << 2, value);
  }
}
