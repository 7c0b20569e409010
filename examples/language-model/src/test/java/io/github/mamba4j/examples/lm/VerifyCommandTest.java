package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Verifies with the numbers of a reference implementation that the core's tests use. */
class VerifyCommandTest {
  private static final Path FIXTURE =
      Path.of("../../mamba-core/src/test/resources/fixtures/mamba1-tiny");
  private static final String EXPECTED = "--expected=" + FIXTURE.resolve("expected.safetensors");

  @TempDir private Path folder;

  @Test
  void verify_sameWeights_agrees() {
    CliRun run = CliRun.of("verify", "--model=" + FIXTURE, EXPECTED);

    assertThat(run.err()).isEmpty();
    assertThat(run.code()).isZero();
    assertThat(run.out()).contains("logits", "hidden.0", "grad.backbone", "greedy_ids", "loss");
    assertThat(run.out()).doesNotContain("FAIL").contains("tensors agree");
  }

  @Test
  void verify_changedTensor_fails() throws IOException {
    try (MambaModel model = MambaModel.load(FIXTURE);
        Arena arena = Arena.ofConfined()) {
      Tensor norm = Objects.requireNonNull(model.parameters().get("backbone.norm_f.weight"));
      MemorySegment values = arena.allocate(norm.shape().elements() * Float.BYTES);
      norm.read(values);
      float first = values.get(ValueLayout.JAVA_FLOAT, 0);
      values.set(ValueLayout.JAVA_FLOAT, 0, first * 1.01f);
      norm.write(values);
      model.save(folder);
    }

    CliRun run = CliRun.of("verify", "--model=" + folder, EXPECTED);

    assertThat(run.code()).isEqualTo(1);
    assertThat(run.out()).contains("FAIL");
    assertThat(run.errLines()).singleElement().asString().contains("beyond the tolerance");
  }

  @Test
  void verify_noTolerance_fails() {
    assertThat(CliRun.of("verify", "--model=" + FIXTURE, EXPECTED, "--tolerance=0").code())
        .isEqualTo(1);
  }

  @Test
  void verify_brokenFile_isBadInput() throws IOException {
    Path broken = Files.writeString(folder.resolve("expected.safetensors"), "not safetensors");

    CliRun run = CliRun.of("verify", "--model=" + FIXTURE, "--expected=" + broken);

    assertThat(run.code()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains(broken.toString());
  }
}
