package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The host side of the normalisations, without a GPU. */
class CudaNormLaunchTest {
  private static final float EPS = 1e-5f;
  private static final DeviceMemory MEMORY = new DeviceMemory(1 << 20, 1 << 30);

  private final SignatureLauncher launcher = new SignatureLauncher();
  private final NormKernels kernels = new CudaNorm(launcher);

  private static View view(DType type, int width) {
    return new View(MEMORY, type, 16, width);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 64, 200, 512, 768, 2050, 2560, 20_000})
  void launches_everyFormAndOption_haveTheParametersOfItsSignature(int width) {
    View floats = view(DType.F32, width);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      View x = view(type, width);
      kernels.forward(new NormKernels.Forward(7, width, EPS, x, null, floats, x, null, null));
      kernels.forward(
          new NormKernels.Forward(7, width, EPS, x, floats, floats, floats, floats, floats));
      backward(width, floats, x, null, null, floats);
      backward(width, x, floats, floats, new Sink(x, true), null);
      for (boolean gateFirst : new boolean[] {false, true}) {
        gated(new GatedShape(7, 3 * width, 3, EPS, gateFirst), x, floats);
      }
    }
    assertThat(launcher.launched).contains("forward", "backward", "fold");
  }

  private void backward(int width, View sum, View grad, View sumGrad, Sink xGrad, View weightGrad) {
    View floats = view(DType.F32, width);
    Sink sink = weightGrad == null ? null : new Sink(weightGrad, true);
    kernels.backward(
        new NormKernels.Backward(
            7, width, sum, floats, floats, grad, sumGrad, xGrad, sumGrad, sink, floats));
  }

  private void gated(GatedShape shape, View x, View floats) {
    kernels.gatedForward(new NormKernels.GatedForward(shape, x, x, floats, x, null));
    Sink sink = new Sink(x, false);
    kernels.gatedBackward(
        new NormKernels.GatedBackward(
            shape, x, x, floats, floats, x, sink, null, new Sink(floats, false), floats));
    kernels.gatedBackward(
        new NormKernels.GatedBackward(shape, x, x, floats, floats, x, null, sink, null, floats));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, false, 32", "128, 1, false, 32", "129, 2, false, 32", "512, 4, false, 32",
    "513, 2, false, 96", "768, 2, false, 96", "2048, 2, false, 256", "2049, 4, false, 160",
    "2560, 4, false, 160", "5120, 4, false, 320", "8192, 4, false, 512", "8193, 2, true, 512",
    "2000000000, 2, true, 512"
  })
  void teams_anyWidth_holdTheRowOrLoop(int width, int vectors, boolean loop, int threads) {
    NormTeams teams = NormTeams.of(width, 100);
    assertThat(teams.vectors()).isEqualTo(vectors);
    assertThat(teams.loop()).isEqualTo(loop);
    assertThat(teams.threads()).isEqualTo(threads);
    assertThat(4L * vectors * threads >= width).isNotEqualTo(loop);
    assertThat(teams.teams()).isEqualTo(width <= 512 ? 8 : 1);
  }

  @Test
  void grids_anySizes_haveWholeGroups() {
    for (int rows : new int[] {1, 7, 1000, 16_384, Integer.MAX_VALUE}) {
      for (int groups : new int[] {1, 3, 8, 5000}) {
        NormTeams teams = NormTeams.of(256, rows);
        assertThat(teams.forwardGrid(rows, groups).x() % groups).isZero();
        assertThat(teams.backwardGrid(rows, groups).x())
            .isEqualTo(groups * teams.backwardBlocks(rows, groups));
      }
    }
    assertThat(NormTeams.of(768, 1).forwardGrid(1, 1)).isEqualTo(new Grid(1, 1, 96, 1));
    assertThat(NormTeams.of(768, 16_384).backwardGrid(16_384, 1))
        .isEqualTo(new Grid(1056, 1, 96, 1));
    assertThat(NormTeams.of(256, 16_384).backwardGrid(16_384, 1))
        .isEqualTo(new Grid(528, 1, 32, 8));
  }

  @Test
  void workspace_backward_isARowOfSumsABlock() {
    assertThat(kernels.backwardWorkspaceFloats(16_384, 768)).isEqualTo(1056 * 768);
    assertThat(kernels.backwardWorkspaceFloats(3, 768)).isEqualTo(2 * 768);
    assertThat(kernels.gatedBackwardWorkspaceFloats(new GatedShape(16_384, 8192, 8, EPS, true)))
        .isEqualTo(132 * 8192);
  }

  @Test
  void alignment_whatIsNoWholeVector_isSeen() {
    NormTeams teams = NormTeams.of(768, 1);
    View even = new View(MEMORY, DType.BF16, 4, 768);
    assertThat(teams.aligned(even, null, view(DType.F32, 768))).isTrue();
    assertThat(teams.aligned(even.plus(2))).isFalse();
    assertThat(teams.aligned(view(DType.F32, 770))).isFalse();
    assertThat(teams.aligned(NormTeams.shared(view(DType.F32, 770)))).isTrue();
    assertThat(NormTeams.of(770, 1).aligned(even)).isFalse();
  }
}
