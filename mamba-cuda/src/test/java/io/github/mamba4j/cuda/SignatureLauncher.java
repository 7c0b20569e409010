package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Launches nothing: checks that the kernel exists and takes these parameters, and notes it. */
final class SignatureLauncher implements Launcher {
  private final Map<String, Map<String, List<String>>> families = new HashMap<>();
  final List<String> launched = new ArrayList<>();
  final List<Grid> grids = new ArrayList<>();

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    Map<String, List<String>> signatures =
        families.computeIfAbsent(
            kernel.family(), family -> PtxSignatures.of(PtxSource.of(family, Map.of())));
    assertThat(signatures).containsKey(kernel.name());
    assertThat(arguments.types()).as("%s", kernel).isEqualTo(signatures.get(kernel.name()));
    launched.add(kernel.name());
    grids.add(grid);
  }

  /** Asserts that every kernel of a family was launched. */
  void assertAllLaunched(String family) {
    assertThat(launched).containsAll(PtxSignatures.of(PtxSource.of(family, Map.of())).keySet());
  }
}
