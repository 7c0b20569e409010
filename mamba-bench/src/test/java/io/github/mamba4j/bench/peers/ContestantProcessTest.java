package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.bench.peers.ContestantProcess.Place;
import io.github.mamba4j.bench.peers.ContestantProcess.Skipped;
import io.github.mamba4j.checkpoint.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class ContestantProcessTest {
  @TempDir private Path folder;

  /** Does what its cell is called. */
  static final class Obedient implements Contestant {
    private final int threads;

    Obedient(Setting setting) {
      threads = setting.threads();
    }

    @Override
    public Map<String, Object> describe() {
      return Map.of("threads", threads);
    }

    @Override
    public Trial prepare(String cell) {
      return switch (cell) {
        case "refuse" -> throw new UnsupportedOperationException("does not like it");
        case "fail" -> throw new IllegalStateException("element 3 is wrong");
        case "die" -> {
          System.err.println("last words");
          Runtime.getRuntime().halt(3);
          throw new AssertionError("alive");
        }
        default -> new Constant();
      };
    }

    @Override
    public void close() {}
  }

  private static final class Constant implements Trial {
    @Override
    public double seconds() {
      System.out.println("> a library's own words");
      return 0.25;
    }

    @Override
    public double sampleSeconds() {
      return 0;
    }

    @Override
    public double[] values() {
      return new double[] {1, 2};
    }
  }

  private Place place() throws IOException {
    return new Place(1, false, Cores.choose(1), 0, folder, folder.resolve("logs"));
  }

  private static Entry entry() {
    return Entry.ours(Obedient.class);
  }

  @Test
  void run_ofPreparedCell_givesSeconds() throws IOException {
    try (ContestantProcess process = new ContestantProcess(entry(), place())) {
      assertThat(process.description().requireInt("threads")).isEqualTo(1);
      JsonObject ready = process.prepare("work");
      assertThat(ready.requireDoubles("values")).containsExactly(1, 2);
      assertThat(process.run()).isEqualTo(0.25);
      assertThat(process.run()).isEqualTo(0.25);
    }
  }

  @Test
  void prepare_ofWhatCannotBeDone_throwsAndGoesOn() throws IOException {
    try (ContestantProcess process = new ContestantProcess(entry(), place())) {
      assertThatThrownBy(() -> process.prepare("refuse"))
          .isInstanceOf(Skipped.class)
          .hasMessage("does not like it");
      assertThatThrownBy(() -> process.prepare("fail"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("mamba4j: element 3 is wrong");
      process.prepare("work");
      assertThat(process.run()).isEqualTo(0.25);
    }
  }

  @Test
  void prepare_ofProcessThatEnds_saysItsLastWords() throws IOException {
    try (ContestantProcess process = new ContestantProcess(entry(), place())) {
      assertThatThrownBy(() -> process.prepare("die"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("mamba4j ended: last words");
    }
  }

  @Test
  void start_ofUnknownClass_isSkippedWithReason() {
    Entry absent = Entry.peer("absent", "Absent");
    assertThatThrownBy(() -> new ContestantProcess(absent, place()).close())
        .isInstanceOf(Skipped.class)
        .hasMessageContaining("-Ppeers");
  }

  @Test
  void cold_ofCell_measuresFromStartAndFromMain() throws IOException {
    ContestantProcess.Cold cold = ContestantProcess.cold(entry(), place(), "work");
    assertThat(cold.sinceMain()).isEqualTo(0.25);
    assertThat(cold.sinceStart()).isPositive();
    assertThat(cold.values()).containsExactly(1, 2);
  }
}
