package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.OptimizerKernels.Slot;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Steps of more tensors than a launch takes, and tensors that are read as vectors. */
abstract class OptimizerTablesContract {
  private static final int FLOATS = 200_000;

  private final MemorySegment[] memories = new MemorySegment[6];
  private final View[] views = new View[6];
  private Backend backend;
  private OptimizerKernels kernels;

  /** Opens a backend over a {@link TestGpu}. */
  abstract Backend open();

  @BeforeEach
  void openBackend() {
    backend = open();
    kernels = backend.optimizer();
    Random random = new Random(5);
    for (int i = 0; i < memories.length; i++) {
      MemorySegment memory = Arena.ofAuto().allocate(FLOATS * 4L, 64);
      for (int j = 0; j < FLOATS; j++) {
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, j, (float) (random.nextGaussian() / 10));
      }
      memories[i] = memory;
      views[i] = new View(TestGpu.share(backend, memory), DType.F32, 0, 1);
    }
  }

  @AfterEach
  void close() {
    if (backend != null) { // null where there is no GPU
      backend.close();
    }
  }

  /** Tensors one after the other with one float between them: every alignment there is. */
  private List<Slot> slots(int count) {
    List<Slot> slots = new ArrayList<>();
    long at = 0;
    for (int i = 0; i < count; i++) {
      int size = i % 7 == 0 ? 4097 + 4 * i : 1 + i * 37 % 101;
      slots.add(
          new Slot(
              size,
              views[0].plus(at),
              views[1].plus(at),
              views[2].plus(at),
              views[3].plus(at),
              i % 3 == 0 ? 0.1f : 0,
              rounded(i, at)));
      at += size + 1L;
    }
    return slots;
  }

  /** Copies for some tensors, at every alignment; in the last memory, behind the norm. */
  private @Nullable View rounded(int slot, long at) {
    long first = 8 + at + slot;
    return slot % 4 == 1 ? null : new View(views[5].storage(), DType.BF16, first, 1);
  }

  private float[] floats(int memory) {
    return memories[memory].toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void adamW_moreTensorsThanATable_updatesEachAndNothingElse() {
    for (int i = 0; i < FLOATS; i++) {
      memories[3].setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 11 * 1e-3f);
    }
    List<Slot> slots = slots(200);
    float[] w = floats(0);
    float[] g = floats(1);
    float[] m = floats(2);
    float[] v = floats(3);
    memories[4].setAtIndex(ValueLayout.JAVA_FLOAT, 0, 0.01f);
    memories[4].setAtIndex(ValueLayout.JAVA_FLOAT, 1, 0.1f);
    memories[4].setAtIndex(ValueLayout.JAVA_FLOAT, 2, 0.05f);
    memories[5].setAtIndex(ValueLayout.JAVA_FLOAT, 0, 4f);
    kernels.adamW(new OptimizerKernels.AdamW(slots, views[4], views[5], 1, 0.9f, 0.95f, 1e-8f));
    boolean[] inside = new boolean[FLOATS];
    for (Slot slot : slots) {
      for (int i = (int) slot.value().offset(); i < slot.value().offset() + slot.count(); i++) {
        inside[i] = true;
        double grad = g[i] * (1 / (4 + 1e-6));
        double first = 0.9 * m[i] + 0.1 * grad;
        double second = 0.95 * v[i] + 0.05 * grad * grad;
        double value = w[i] * (1 - 0.01 * slot.weightDecay());
        value -= 0.01 / 0.1 * first / (Math.sqrt(second) / Math.sqrt(0.05) + 1e-8);
        assertClose(2, i, first, 1e-7);
        assertClose(3, i, second, 1e-8);
        assertClose(0, i, value, 1e-6 * (1 + Math.abs(value)));
        View rounded = slot.rounded();
        if (rounded != null) {
          long at = rounded.offset() + i - slot.value().offset();
          int bits = memories[5].getAtIndex(ValueLayout.JAVA_SHORT, at) << 16;
          double distance = Math.abs(Float.intBitsToFloat(bits) - (double) floats(0, i));
          assertThat(distance).isLessThanOrEqualTo(Math.abs(value) / 256);
        }
      }
    }
    for (int i = 0; i < FLOATS; i++) {
      if (!inside[i]) {
        assertClose(0, i, w[i], 0);
        assertClose(2, i, m[i], 0);
      }
    }
  }

  private float floats(int memory, int index) {
    return memories[memory].getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  /** An assertion that takes no time while it holds. */
  private void assertClose(int memory, int index, double expected, double tolerance) {
    double actual = floats(memory, index);
    if (!(Math.abs(actual - expected) <= tolerance)) {
      assertThat(actual).as("%d[%d]", memory, index).isCloseTo(expected, within(tolerance));
    }
  }

  @Test
  void gradNorm_moreTensorsThanATable_isTheNormOfAll() {
    List<Slot> slots = slots(260);
    float[] g = floats(1);
    double squares = 0;
    for (Slot slot : slots) {
      for (int i = (int) slot.grad().offset(); i < slot.grad().offset() + slot.count(); i++) {
        squares += (double) g[i] * g[i];
      }
    }
    assertThat(kernels.normWorkspaceFloats(slots)).isLessThanOrEqualTo(FLOATS);
    kernels.gradNorm(slots, views[5], views[4]);
    assertThat((double) floats(5, 0)).isCloseTo(Math.sqrt(squares), within(1e-6 * squares));
  }

  @Test
  void gradNorm_anyAlignment_hasTheSameBits() {
    float[] values = floats(1);
    List<Float> norms = new ArrayList<>();
    for (int shift = 0; shift < 4; shift++) {
      MemorySegment.copy(values, 0, memories[1], ValueLayout.JAVA_FLOAT, 4L * shift, 100_000);
      View grad = views[1].plus(shift);
      Slot slot = new Slot(99_999, grad, grad, grad, grad, 0, null);
      kernels.gradNorm(List.of(slot), views[5], views[4]);
      norms.add(floats(5, 0));
    }
    assertThat(norms).containsOnly(norms.getFirst());
  }
}
