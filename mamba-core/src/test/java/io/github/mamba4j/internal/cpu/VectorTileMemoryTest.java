package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorTileMemoryTest {
  /** More threads than slots: each waits for one and has it alone. */
  @Test
  void claim_fromManyThreads_neverSharesASlot() {
    int threads = 4 * Runtime.getRuntime().availableProcessors() + 1;
    AtomicInteger shared = new AtomicInteger();
    try (WorkerPool pool = new WorkerPool(threads)) {
      for (int round = 0; round < 20; round++) {
        pool.forEach(
            4 * threads,
            shared,
            (failures, index, scratch) -> {
              MemorySegment tile = VectorTileMemory.claim();
              try {
                CpuStorage.set(tile, 5, index);
                Thread.yield();
                if (CpuStorage.get(tile, 5) != index) {
                  failures.incrementAndGet();
                }
              } finally {
                VectorTileMemory.release(tile);
              }
            });
      }
    }
    assertThat(shared).hasValue(0);
  }

  @Test
  void offset_ofOtherMemory_isNegative() {
    try (Scratch scratch = new Scratch()) {
      assertThat(VectorTileMemory.offset(scratch.floats(16))).isNegative();
    }
  }
}
