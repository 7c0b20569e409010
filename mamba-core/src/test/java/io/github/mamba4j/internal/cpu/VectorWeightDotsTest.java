package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** Both ways to multiply half-precision weights; a machine takes one of them. */
@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorWeightDotsTest {
  private static final int ROWS = VectorWeightDots.PAIR_ROWS;
  private static final int ALL = 1 << Short.SIZE;
  private static final int SUMS = ROWS * LANES;

  /** Elements of a row, so that four rows hold each half once. */
  private static final int N = ALL / ROWS;

  private static final short INFINITY = 0x7c00;

  @Test
  void halves_everyFiniteNumber_bothWaysMakeTheSameSumsOfExactProducts() {
    MemorySegment weights = Arena.ofAuto().allocate((long) ALL * Short.BYTES, 64);
    for (int i = 0; i < ALL; i++) {
      boolean finite = Float.isFinite(Float.float16ToFloat((short) i));
      weights.setAtIndex(CpuStorage.SHORT, i, finite ? (short) i : 0);
    }
    float[] left = randomRow();
    MemorySegment sums = floats(SUMS);
    MemorySegment otherSums = floats(SUMS);

    assertThat(VectorWeightDots.halves(rows(left, weights, VectorWiden.HALF_SCALE), sums, 0))
        .isTrue();
    DotRows normal = rows(left, weights, VectorWiden.NORMAL_SCALE);
    assertThat(VectorWeightDots.normalHalves(normal, otherSums, 0)).isTrue();

    assertThat(otherSums.mismatch(sums)).isEqualTo(-1);
    for (int i = 0; i < SUMS; i++) {
      assertThat(CpuStorage.get(sums, i)).isEqualTo(sum(left, weights, i / LANES, i % LANES));
    }
  }

  @Test
  void halves_infinityOrNotANumber_isSaid() {
    float[] left = randomRow();
    for (int place = 0; place < 4 * LANES; place++) {
      MemorySegment weights = Arena.ofAuto().allocate((long) ALL * Short.BYTES, 64);
      short bits = (short) (INFINITY + place % 3 | place % 2 << 15);
      weights.setAtIndex(CpuStorage.SHORT, place + (long) place % ROWS * N, bits);
      MemorySegment sums = floats(SUMS);
      DotRows rows = rows(left, weights, VectorWiden.HALF_SCALE);
      assertThat(VectorWeightDots.halves(rows, sums, 0)).as("place %d", place).isFalse();
      rows = rows(left, weights, VectorWiden.NORMAL_SCALE);
      assertThat(VectorWeightDots.normalHalves(rows, sums, 0)).as("place %d", place).isFalse();
    }
  }

  /** The sum of a lane of a row: first the even elements of two vectors, then the odd ones. */
  private static float sum(float[] left, MemorySegment weights, int row, int lane) {
    float sum = 0;
    for (int pair = 0; pair < N; pair += 2 * LANES) {
      for (int odd = 0; odd < 2; odd++) {
        int element = pair + 2 * lane + odd;
        short bits = weights.getAtIndex(CpuStorage.SHORT, (long) row * N + element);
        sum = Math.fma(left[element], Float.float16ToFloat(bits), sum);
      }
    }
    return sum;
  }

  private static DotRows rows(float[] left, MemorySegment weights, float scale) {
    MemorySegment memory = floats(2 * N);
    MemorySegment.copy(left, 0, memory, CpuStorage.FLOAT, 0, N);
    VectorWiden.splitPairs(memory, 0, N, memory, 0);
    assertThat(VectorWiden.scalePairs(memory, 0, N, scale)).isTrue();
    DotRows rows = new DotRows();
    rows.a = memory;
    rows.rows = 1;
    rows.b = weights;
    rows.rightApart = (long) N * Short.BYTES;
    rows.columns = ROWS;
    rows.elements = N;
    return rows;
  }

  private static float[] randomRow() {
    SplittableRandom random = new SplittableRandom(11);
    float[] row = new float[N];
    for (int i = 0; i < N; i++) {
      row[i] = (float) random.nextDouble(-2, 2);
    }
    return row;
  }

  private static MemorySegment floats(int count) {
    return Arena.ofAuto().allocate((long) count * Float.BYTES, 64);
  }
}
