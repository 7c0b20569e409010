package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.View;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** The host side of the lookups, without a GPU. */
class CudaGatherLaunchTest {
  private static final DeviceMemory MEMORY = new DeviceMemory(1 << 20, 1 << 20);
  private static final View IDS = new View(MEMORY, DType.I32, 0, 0);

  private final SignatureLauncher launcher = new SignatureLauncher();
  private final CudaGather kernels = new CudaGather(launcher);

  private static View view(String type, long stride) {
    return new View(MEMORY, DType.valueOf(type.toUpperCase(Locale.ROOT)), 32, stride);
  }

  private void backward(int count, int width, View grad) {
    View table = view("f32", width);
    kernels.lookupBackward(
        new GatherKernels.LookupBackward(
            count, width, 100, IDS, grad, table, new View(MEMORY, DType.F32, 3, 1)));
  }

  @Test
  void launches_everyKernelOfEveryForm_haveTheParametersOfItsSignature() {
    for (PtxSource source : PtxForms.GATHER) {
      View table = view(source.variables().get("TABLE"), 32);
      int width = source.variables().get("VECTOR").equals("1") ? 31 : 32;
      View out = view(source.variables().get("T"), 32);
      kernels.lookup(new GatherKernels.Lookup(3, width, 9, IDS, table, out));
      launcher.assertAllLaunched(source);
    }
    for (PtxSource source : PtxForms.GATHER_BACKWARD) {
      int width = source.variables().get("VECTOR").equals("1") ? 31 : 32;
      backward(5000, width, view(source.variables().get("T"), width));
      launcher.assertAllLaunched(source);
    }
  }

  @Test
  void backwardLaunches_byCount_areAsManyAsTheSortNeeds() {
    for (int count : new int[] {1, 16, 17, 2048, 2049, 16_384, 16_385, 131_072, 131_073}) {
      launcher.launched.clear();
      backward(count, 4, view("f32", 4));
      int merges = count <= 2048 ? 0 : count <= 16_384 ? 1 : count <= 131_072 ? 2 : 3;
      assertThat(launcher.launched).hasSize(merges + (count <= 16 ? 2 : 3));
    }
  }

  @Test
  void grids_ofPieces_coverCountAndWidth() {
    backward(16_384, 768, view("bf16", 768));
    assertThat(launcher.grids.get(launcher.grids.size() - 2)).isEqualTo(new Grid(512, 1, 192, 1));
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(511, 1, 192, 1));
    backward(16_384, 2560, view("f32", 2560));
    assertThat(launcher.grids.getLast()).isEqualTo(new Grid(127 * 3, 1, 224, 1));
  }

  @Test
  void workspace_anySize_holdsHeadsAndBothBuffersOfKeys() {
    assertThat(kernels.lookupBackwardWorkspaceFloats(17, 5, 9)).isEqualTo(3 + 2 * 8 + 4 * 17);
    assertThat(kernels.lookupBackwardWorkspaceFloats(131_072, 768, 50_280))
        .isEqualTo(3 + 512 * 768 + 4 * 131_072);
  }

  @Test
  void lookup_grid_hasAWarpForEachPartOfARow() {
    kernels.lookup(new GatherKernels.Lookup(9, 600, 9, IDS, view("f32", 600), view("f32", 600)));
    assertThat(launcher.grids).containsExactly(new Grid(3, 1, 256, 1));
  }
}
