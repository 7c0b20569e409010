package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

class InterleavedTest {
  private final List<String> order = new ArrayList<>();
  private final Map<String, DoubleSupplier> works = new LinkedHashMap<>();
  private double calibration = 100;
  private int calls;

  private void work(String name, double rate) {
    works.put(
        name,
        () -> {
          order.add(name);
          return rate + calls++;
        });
  }

  @Test
  void run_ofSteadyMachine_takesSamplesInTurn() {
    work("a", 10);
    work("b", 20);
    Interleaved measured = new Interleaved(() -> {}, () -> calibration, 3, 0.9);
    measured.run(works);
    assertThat(order).containsExactly("a", "b", "a", "b", "a", "b");
    assertThat(measured.figure("a").kept()).containsExactly(10.0, 12.0, 14.0);
    assertThat(measured.figure("b").median()).isEqualTo(23);
  }

  @Test
  void run_ofSamplesBesideSlowCalibrations_dropsThemAndTakesMore() {
    work("a", 10);
    Interleaved measured =
        new Interleaved(() -> {}, () -> calls == 1 ? 0.89 * calibration : calibration, 3, 0.9);
    measured.run(works);
    // The calibrations after the first sample and before the second are slow.
    assertThat(order).hasSize(5);
    assertThat(measured.figure("a").kept()).containsExactly(12.0, 13.0, 14.0);
    assertThat(measured.json("a")).containsEntry("kept", 3).containsEntry("taken", 5);
  }

  @Test
  void run_ofMachineThatIsNeverSteady_endsAndHasNoMedian() {
    work("a", 10);
    int[] turn = {0};
    Interleaved measured = new Interleaved(() -> {}, () -> 100 << (turn[0]++ % 2), 2, 0.9);
    measured.run(works);
    assertThat(order).hasSize(6);
    assertThat(measured.figure("a").median()).isNaN();
    assertThat(measured.json("a")).doesNotContainKey("median");
  }
}
