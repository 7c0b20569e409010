package io.github.mamba4j.bench.peers;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;
import java.util.List;

/**
 * What Java does not offer of Linux: threads on chosen processors, pages of a chosen size, memory
 * that goes back to the system.
 */
@SuppressWarnings("restricted") // calls of C functions are what this is for
final class LinuxCalls {
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int MADV_HUGEPAGE = 14;
  private static final int MADV_NOHUGEPAGE = 15;
  private static final int MAX_CPUS = 4096;
  private static final int CLOCK_PROCESS_CPUTIME_ID = 2;
  private static final MethodHandle CLOCK_GETTIME =
      function("clock_gettime", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS);

  private LinuxCalls() {}

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... inputs) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, inputs));
  }

  /**
   * Binds the calling thread, and the threads that it starts from now on, to some processors.
   *
   * @param cpus their numbers
   * @throws IllegalStateException if the system refuses
   */
  static void pin(List<Integer> cpus) {
    BitSet bits = new BitSet(MAX_CPUS);
    cpus.forEach(bits::set);
    byte[] mask = new byte[MAX_CPUS / Byte.SIZE];
    byte[] used = bits.toByteArray();
    System.arraycopy(used, 0, mask, 0, used.length);
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle call =
          function(
              "sched_setaffinity",
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.ADDRESS);
      MemorySegment set = arena.allocateFrom(ValueLayout.JAVA_BYTE, mask);
      int result = (int) call.invokeExact(0, set.byteSize(), set);
      if (result != 0) {
        throw new IllegalStateException("LinuxCalls: cannot run on processors " + cpus);
      }
    } catch (Throwable e) {
      throw failure("sched_setaffinity", e);
    }
  }

  /**
   * Reserves memory whose pages have not been touched.
   *
   * @param bytes how much
   * @param huge whether to ask for huge pages, or for none
   * @param arena frees it
   * @return the memory, or the null segment if the system has no such pages
   */
  static MemorySegment map(long bytes, boolean huge, Arena arena) {
    try {
      MethodHandle map =
          function(
              "mmap",
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG);
      MemorySegment start =
          (MemorySegment)
              map.invokeExact(
                  MemorySegment.NULL, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      if (start.address() == -1) {
        throw new IllegalStateException("LinuxCalls: no room for " + bytes + " bytes");
      }
      MemorySegment memory = start.reinterpret(bytes, arena, LinuxCalls::unmap);
      MethodHandle advise =
          function(
              "madvise",
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT);
      int advice = huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
      int result = (int) advise.invokeExact(memory, bytes, advice);
      return huge && result != 0 ? MemorySegment.NULL : memory;
    } catch (Throwable e) {
      throw failure("mmap", e);
    }
  }

  private static void unmap(MemorySegment memory) {
    try {
      MethodHandle call =
          function("munmap", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
      int result = (int) call.invokeExact(memory, memory.byteSize());
      assert result == 0 : result;
    } catch (Throwable e) {
      throw failure("munmap", e);
    }
  }

  /** Returns the processor time of all threads of this process so far, in nanoseconds. */
  static long cpuNanos() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment time = arena.allocate(ValueLayout.JAVA_LONG, 2);
      int result = (int) CLOCK_GETTIME.invokeExact(CLOCK_PROCESS_CPUTIME_ID, time);
      assert result == 0 : result;
      long seconds = time.getAtIndex(ValueLayout.JAVA_LONG, 0);
      return seconds * 1_000_000_000 + time.getAtIndex(ValueLayout.JAVA_LONG, 1);
    } catch (Throwable e) {
      throw failure("clock_gettime", e);
    }
  }

  /** Has the allocator of C return what was freed to the system. */
  static void releaseFreed() {
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle find =
          function("dlsym", ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS);
      MemorySegment name = arena.allocateFrom("MallocExtension_ReleaseFreeMemory");
      MemorySegment other = (MemorySegment) find.invokeExact(MemorySegment.NULL, name);
      if (other.equals(MemorySegment.NULL)) {
        MethodHandle trim = function("malloc_trim", ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG);
        int released = (int) trim.invokeExact(0L);
        assert released >= 0 : released;
      } else {
        Linker.nativeLinker().downcallHandle(other, FunctionDescriptor.ofVoid()).invokeExact();
      }
    } catch (Throwable e) {
      throw failure("malloc_trim", e);
    }
  }

  private static IllegalStateException failure(String function, Throwable cause) {
    return cause instanceof IllegalStateException known
        ? known
        : new IllegalStateException("LinuxCalls: " + function + " failed: " + cause, cause);
  }
}
