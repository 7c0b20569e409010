package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DTypeTest {
  @ParameterizedTest
  @CsvSource({"F32,4", "I32,4", "BF16,2", "F16,2", "I8,1"})
  void bytes_eachType_isItsStorageSize(DType type, int bytes) {
    assertThat(type.bytes()).isEqualTo(bytes);
  }
}
