package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.View;
import org.junit.jupiter.api.Test;

/** The host side of the sampling kernels, without a GPU. */
class CudaSamplingLaunchTest {
  private final SignatureLauncher launcher = new SignatureLauncher();
  private final SamplingKernels kernels = new CudaSampling(launcher);
  private final DeviceMemory memory = new DeviceMemory(1 << 20, 1 << 20);

  @Test
  void launches_everyKernel_haveTheParametersOfItsSignature() {
    View floats = new View(memory, DType.F32, 0, 4);
    View ids = new View(memory, DType.I32, 0, 5);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      View logits = new View(memory, type, 0, 50_280);
      View seen = type == DType.F32 ? ids : null;
      kernels.sample(
          new SamplingKernels.Sample(7, 50_280, logits, floats, ids, seen, ids, floats, floats));
    }
    launcher.assertAllLaunched("sampling");
    assertThat(launcher.grids).endsWith(new Grid(16, 7, 1024, 1), new Grid(7, 1, 1024, 1));
  }

  @Test
  void workspace_vocabularies_holdsAPowerOfTwoOfKeysWhereSharedMemoryMayNotDo() {
    int parts = 3 * 16;
    assertThat(kernels.sampleWorkspaceFloats(3, 4096)).isEqualTo(3 * parts + 1);
    assertThat(kernels.sampleWorkspaceFloats(3, 4097)).isEqualTo(3 * (parts + 8192 * 2) + 1);
    assertThat(kernels.sampleWorkspaceFloats(1, 50_280)).isEqualTo(parts + 65_536 * 2 + 1);
    assertThat(kernels.sampleWorkspaceFloats(1, 65_536)).isEqualTo(parts + 65_536 * 2 + 1);
  }
}
