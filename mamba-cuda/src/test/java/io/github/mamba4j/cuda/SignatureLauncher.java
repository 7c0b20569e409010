package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Launches nothing: checks that the kernel exists and takes these parameters, and notes it. */
final class SignatureLauncher implements GridLauncher {
  private final Map<PtxSource, Map<String, List<String>>> sources = new HashMap<>();
  final List<Kernel> kernels = new ArrayList<>();
  final List<String> launched = new ArrayList<>();
  final List<Grid> grids = new ArrayList<>();

  @Override
  public void launch(Kernel kernel, Grid grid, Arguments arguments) {
    Map<String, List<String>> signatures =
        sources.computeIfAbsent(kernel.source(), source -> PtxSignatures.of(source.text()));
    assertThat(signatures).containsKey(kernel.name());
    assertThat(arguments.types()).as("%s", kernel).isEqualTo(signatures.get(kernel.name()));
    kernels.add(kernel);
    launched.add(kernel.name());
    grids.add(grid);
  }

  @Override
  public void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
    assertThat((long) grid.x() * grid.y() * grid.z()).isLessThanOrEqualTo(multiprocessors());
    launch(kernel, grid, arguments);
  }

  @Override
  public int capability() {
    return 90;
  }

  @Override
  public int multiprocessors() {
    return 132;
  }

  @Override
  public int sharedBytes() {
    return 227 << 10;
  }

  /** Asserts that every kernel of a family with one form was launched. */
  void assertAllLaunched(String family) {
    assertAllLaunched(new PtxSource(family, Map.of()));
  }

  /** Asserts that every kernel of a form of a family was launched. */
  void assertAllLaunched(PtxSource source) {
    Stream<Kernel> launchedHere = kernels.stream().filter(kernel -> kernel.source().equals(source));
    assertThat(launchedHere.map(Kernel::name))
        .as("%s", source)
        .containsAll(PtxSignatures.of(source.text()).keySet());
  }
}
