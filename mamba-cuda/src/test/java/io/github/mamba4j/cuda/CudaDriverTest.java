package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is said of a machine's GPUs. */
class CudaDriverTest {
  @Test
  void unusableReason_withoutGpu_isASentenceThatSaysWhatToDo() {
    Optional<String> reason = CudaDriver.unusableReason();
    assertThat(CudaDriver.unusableReason()).isEqualTo(reason);
    reason.ifPresent(text -> assertThat(text).doesNotContain("\n").matches(".*(use|is there).*"));
  }
}
