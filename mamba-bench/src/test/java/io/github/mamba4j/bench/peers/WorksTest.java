package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.bench.MatmulCase;
import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import io.github.mamba4j.bench.peers.Work.Cell;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.model.MambaModel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WorksTest {
  private static final Cell CELL = new Cell("cell", "ms", 1, 0.01);

  @Test
  void compare_ofDifferentValues_namesBoth() {
    Map<String, double[]> values = new LinkedHashMap<>();
    values.put("mamba4j", new double[] {1, 100});
    values.put("text only", new double[0]);
    values.put("near", new double[] {1.5, 100});
    assertThatCode(() -> Group.compare(CELL, values)).doesNotThrowAnyException();
    values.put("far", new double[] {3, 100});
    assertThatThrownBy(() -> Group.compare(CELL, values))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContainingAll("cell", "far", "mamba4j");
  }

  @Test
  void matmul_ofFewRows_isBoundByWeights() {
    Cell cell =
        new MatmulWork()
            .cells(PeerOptions.parse(List.of("matmul"))).stream()
                .filter(one -> one.name().equals("NT 4 3072 768 x24"))
                .findFirst()
                .orElseThrow();
    assertThat(cell.unit()).isEqualTo("GB/s");
    assertThat(cell.amount()).isEqualTo(24 * 3072 * 768 * 4 * 1e-9);
    assertThat(MatmulWork.bound(MatmulCase.parse(cell.name()), 24))
        .containsEntry(Trial.BOUND_BYTES, 24 * 3072 * 768 * 4.0);
    assertThat(MatmulWork.bound(MatmulCase.parse("NN 32 8 4"), 1))
        .containsEntry(Trial.BOUND_FLOPS, 2.0 * 32 * 8 * 4);
  }

  @Test
  void parse_ofModelCellsName_givesIt() {
    ModelCell cell = new ModelCell(Task.DECODE, PublishedModel.MAMBA2_130M, StoredType.Q8_0);
    assertThat(cell.name()).isEqualTo("decode mamba2-130m q8_0");
    assertThat(ModelCell.parse(cell.name())).isEqualTo(cell);
    assertThat(cell.checkedPrompt()).startsWith(PublishedModel.tokens(3));
    assertThat(cell.checkedSteps()[0]).isEqualTo(PublishedModel.token(cell.checkedPrompt().length));
  }

  @Test
  void productFlops_ofSmallModel_countsTwoForEachWeightOfEachProduct() {
    try (MambaModel model =
        MambaModel.builder().dModel(32).nLayers(3).dState(4).vocabSize(64).threads(1).build()) {
      int inProj = 32 * 128;
      int xProj = 64 * (2 + 2 * 4);
      int dtProj = 2 * 64;
      int outProj = 64 * 32;
      double block = 2.0 * 10 * (inProj + xProj + dtProj + outProj);
      assertThat(OwnModel.productFlops(model.config(), model.parameters(), 10))
          .isEqualTo(3 * block + 2.0 * 64 * 32);
    }
  }

  @Test
  void startup_everyContestant_hasAnArchiveOfItsOwnClasses() {
    PeerOptions options = PeerOptions.parse(List.of("startup"), "--files", "made", "--llama", "b");
    List<String> archives =
        new ModelWork(Task.START)
            .entries(options).stream()
                .flatMap(entry -> entry.jvmFlags().stream())
                .filter(flag -> flag.startsWith("-XX:SharedArchiveFile="))
                .toList();
    assertThat(archives)
        .hasSize(5)
        .doesNotHaveDuplicates()
        .allMatch(flag -> flag.contains("/made/") && flag.endsWith(".jsa"));
    assertThat(new ModelWork(Task.DECODE).entries(options))
        .noneMatch(entry -> entry.jvmFlags().toString().contains("SharedArchive"));
  }

  @Test
  void allocator_thatIsNoFile_isRefused() {
    assertThatThrownBy(() -> Tuning.allocator(Optional.of(Path.of("absent.so"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--tcmalloc is absent.so");
  }
}
