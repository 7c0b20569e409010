package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.contract.MatmulKernelsContract;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@EnabledIf(VectorModule.PRESENT)
final class VectorMatmulTest extends MatmulKernelsContract {
  @Override
  protected Backend open(int threads) {
    return CpuBackends.vector(threads);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 1", "3, 1", "2, 65535", "2, 65536", "2, NaN"})
  void matmul_oneRowWithEveryHalfPrecisionNumber_widensItExactly(int vectors, float factor) {
    int numbers = 1 << Short.SIZE;
    int columns = vectors * LANES;
    View weights = view(numbers, columns, DType.F16);
    MemorySegment memory = CpuStorage.of(weights);
    for (int i = 0; i < numbers; i++) {
      // In each lane in turn; beside zeros, whose products are zeros.
      long at = (long) i * columns + i % columns;
      memory.set(CpuStorage.SHORT, at * Short.BYTES, (short) i);
    }
    View row = view(1, columns, DType.F32);
    for (int i = 0; i < columns; i++) {
      CpuStorage.set(CpuStorage.of(row), i, factor);
    }
    View out = view(1, numbers, DType.F32);
    try (Backend backend = open(1)) {
      backend
          .matmul()
          .matmul(
              new MatmulKernels.Product(
                  new MatmulKernels.Shape(1, 1, numbers, columns),
                  new MatmulKernels.Operand(row, false, 0),
                  new MatmulKernels.Operand(weights, true, 0),
                  new Sink(out, false),
                  0,
                  null));
    }
    for (int i = 0; i < numbers; i++) {
      float expected = Float.float16ToFloat((short) i) * factor;
      float actual = CpuStorage.get(CpuStorage.of(out), i);
      // A sum has no negative zero.
      assertThat(actual).as("half %04x", i).isEqualTo(Float.valueOf(expected == 0 ? 0 : expected));
    }
  }

  private static View view(int rows, int columns, DType type) {
    MemorySegment memory = Arena.ofAuto().allocate(type.bytes((long) rows * columns), 64);
    return new View(new CpuStorage(memory), type, 0, columns);
  }
}
