package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.model.MambaConfig;
import io.github.mamba4j.model.MambaModel;
import org.junit.jupiter.api.Test;

class MatmulRateTest {
  @Test
  void flops_ofSmallModel_countsTwoForEachWeightOfEachProduct() {
    MambaConfig config =
        MambaModel.builder().dModel(32).nLayers(3).dState(4).vocabSize(64).config();
    int inProj = 32 * 128;
    int xProj = 64 * (2 + 2 * 4);
    int dtProj = 2 * 64;
    int outProj = 64 * 32;
    double block = 2.0 * 10 * (inProj + xProj + dtProj + outProj);
    assertThat(MatmulRate.flops(config, 10)).isEqualTo(3 * block + 2.0 * 64 * 32);
  }
}
