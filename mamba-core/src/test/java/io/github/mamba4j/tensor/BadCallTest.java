package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation refuses what does not fit, in words that name it, the argument and both shapes.
 */
class BadCallTest {
  /** A call that must be refused, and what its message must contain. */
  record BadCall(String op, Consumer<Scope> call, List<String> words) {
    @Override
    public String toString() {
      return op + " " + words;
    }
  }

  private static final List<BadCall> CALLS = new ArrayList<>();

  private static void bad(String op, Consumer<Scope> call, String... words) {
    CALLS.add(new BadCall(op, call, List.of(words)));
  }

  private static Tensor zeros(Scope scope, int... dims) {
    return scope.zeros(Shape.of(dims));
  }

  private static Tensor ids(Scope scope, int count) {
    return scope.ints(Shape.of(count), new int[count]);
  }

  static {
    bad(
        "BinaryOp",
        s -> BinaryOp.apply(Binary.ADD, zeros(s, 2, 3), zeros(s, 2, 4)),
        "add: b has shape [2, 4]",
        "[3]",
        "a of shape [2, 3]");
    bad("UnaryOp", s -> UnaryOp.apply(Unary.EXP, ids(s, 3)), "map: x holds I32, expected F32");
    bad("DecayOp", s -> DecayOp.apply(zeros(s, 3)), "decay: logarithms has shape [3]", "dState");
    bad(
        "Mamba1StepOp",
        s -> Mamba1StepOp.advance(zeros(s, 2, 3), List.of(), 1e-5f, Discretization.EULER),
        "mamba1Step: hidden has shape [2, 3]",
        "[rows, 1, dModel]");
    bad(
        "SampleOp",
        s ->
            SampleOp.apply(
                zeros(s, 2, 5),
                new SampleOp.Steering(zeros(s, 2, 4), s.ints(Shape.of(1, 5), new int[5]), null),
                s.ints(Shape.of(2, 2), new int[4])),
        "sample: state has shape [1, 5]",
        "logits of shape [2, 5]");
    bad("ScaleOp", s -> ScaleOp.apply(ids(s, 3), 2f), "multiply: x holds I32, expected F32");
    bad("SumOp", s -> SumOp.apply(ids(s, 3), 1f), "sum: x holds I32, expected F32");
    bad(
        "MatmulOp",
        s -> MatmulOp.apply(zeros(s, 2, 3), zeros(s, 4, 5)),
        "matmul: b has shape [4, 5]",
        "[3, 5]",
        "a of shape [2, 3]");
    bad(
        "LinearOp",
        s -> LinearOp.apply(zeros(s, 2, 3), zeros(s, 5, 4), null),
        "linear: weight has shape [5, 4]",
        "in = 3",
        "x of shape [2, 3]");
    bad(
        "LinearOp",
        s -> LinearOp.apply(zeros(s, 2, 3), zeros(s, 5, 3), zeros(s, 4)),
        "linear: bias has shape [4]",
        "[5]");
    bad(
        "LinearOp",
        s -> LinearOp.write(zeros(s, 2, 3), zeros(s, 5, 3), zeros(s, 2, 4)),
        "linear: out has shape [2, 4]",
        "[2, 5]");
    bad(
        "CausalConv1dOp",
        s -> CausalConv1dOp.apply(zeros(s, 1, 2, 3), zeros(s, 4, 4), null, true),
        "causalConv1d: taps has shape [4, 4]",
        "channels = 3");
    bad(
        "CausalConv1dOp",
        s ->
            CausalConv1dOp.withState(
                zeros(s, 1, 2, 3), zeros(s, 4, 3), null, zeros(s, 1, 4, 3), true),
        "causalConv1d: initialState has shape [1, 4, 3]",
        "[batch, K - 1, channels] = [1, 3, 3]");
    bad(
        "SelectiveScanOp",
        s -> SelectiveScanOp.apply(scan(s, zeros(s, 2, 16, 32)), Discretization.EULER),
        "selectiveScan: z has shape [2, 16, 32]",
        "[batch, length, dInner] = [2, 16, 64]",
        "from u of shape [2, 16, 64]");
    bad(
        "PrefixScanOp",
        s ->
            PrefixScanOp.apply(
                zeros(s, 1, 4, 2), zeros(s, 1, 5, 2), null, PrefixAlgorithm.SEQUENTIAL),
        "prefixScan: b has shape [1, 5, 2]",
        "[1, 4, 2]");
    bad(
        "RmsNormOp",
        s -> RmsNormOp.apply(zeros(s, 2, 3), zeros(s, 4), 1e-5f),
        "rmsNorm: weight has shape [4]",
        "[width] = [3]");
    bad(
        "RmsNormOp",
        s -> RmsNormOp.apply(zeros(s, 2, 3), zeros(s, 3), 0f),
        "rmsNorm: eps must be positive, got 0");
    bad(
        "GatedRmsNormOp",
        s -> GatedRmsNormOp.apply(zeros(s, 2, 6), zeros(s, 2, 6), zeros(s, 6), 4, 1e-5f, true),
        "gatedRmsNorm: groups must divide the width 6, got 4");
    bad(
        "GatedRmsNormOp",
        s -> GatedRmsNormOp.apply(zeros(s, 2, 6), zeros(s, 2, 5), zeros(s, 6), 2, 1e-5f, true),
        "gatedRmsNorm: z has shape [2, 5]",
        "[2, 6]");
    bad(
        "SsdOp",
        s -> SsdOp.apply(dualScan(s, zeros(s, 1, 4, 3)), new SsdOp.Options(2, 1, 4, 0, 1)),
        "ssd: dt has shape [1, 4, 3]",
        "[batch, length, heads] = [1, 4, 4]",
        "headDim 2");
    bad(
        "SsdOp",
        s -> SsdOp.apply(dualScan(s, zeros(s, 1, 4, 4)), new SsdOp.Options(3, 1, 4, 0, 1)),
        "ssd: dInner 8 must be heads of headDim 3");
    bad(
        "SsdOp",
        s -> SsdOp.apply(dualScan(s, zeros(s, 1, 4, 4)), new SsdOp.Options(2, 1, 4, 1, 1)),
        "ssd: stepMin and stepMax must be 0 or more and rise, got 1.0 and 1.0");
    bad(
        "LinearOp",
        s -> LinearOp.apply(zeros(s, 2, 3), s.ints(Shape.of(1, 3), 1, 2, 3), null),
        "linear: weight holds I32, expected F32, BF16, F16 or INT8");
    bad(
        "EmbeddingOp",
        s -> EmbeddingOp.apply(ids(s, 3), s.ints(Shape.of(1, 3), 1, 2, 3)),
        "embedding: table holds I32, expected F32, BF16, F16 or INT8");
    bad(
        "EmbeddingOp",
        s -> EmbeddingOp.apply(zeros(s, 3), zeros(s, 5, 4)),
        "embedding: ids holds F32, expected I32");
    bad(
        "CrossEntropyOp",
        s -> CrossEntropyOp.apply(zeros(s, 4, 7), ids(s, 3)),
        "crossEntropy: targets has shape [3]",
        "4",
        "logits of shape [4, 7]");
    bad(
        "CrossEntropyOp",
        s -> CrossEntropyOp.linear(zeros(s, 4, 7), zeros(s, 9, 8), ids(s, 4)),
        "crossEntropy: weight has shape [9, 8]",
        "width = 7");
    bad(
        "AdamWOp",
        s -> new AdamWOp.Slot(zeros(s, 2, 3).requireGrad(), zeros(s, 2), zeros(s, 2, 3), 0f),
        "adamW: first has shape [2]",
        "[2, 3]");
    bad(
        "AdamWOp",
        s -> AdamWOp.gradientNorm(s, List.of(), zeros(s, 2)),
        "adamW: norm has shape [2]",
        "[1]");
    bad(
        "CausalConv1dOp",
        s -> CausalConv1dOp.advance(zeros(s, 1, 2, 3), zeros(s, 4, 3), null, null, true),
        "causalConv1d: initialState is missing");
    bad(
        "CausalConv1dOp",
        s ->
            CausalConv1dOp.advance(
                zeros(s, 1, 2, 3), zeros(s, 4, 3), null, zeros(s, 1, 3, 3), true),
        "causalConv1d: the backward pass needs the initial state");
    bad(
        "SelectiveScanOp",
        s -> SelectiveScanOp.advance(scan(s, zeros(s, 2, 16, 64)), Discretization.EULER),
        "selectiveScan: initialState is missing");
    bad(
        "SsdOp",
        s -> SsdOp.advance(dualScan(s, zeros(s, 1, 4, 4)), new SsdOp.Options(2, 1, 4, 0, 1)),
        "ssd: initialState is missing");
    bad(
        "TransposeOp",
        s -> zeros(s, 2, 3, 4).transpose(),
        "transpose: x has shape [2, 3, 4]",
        "[rows, columns]");
    bad("fill", s -> ids(s, 3).fill(1), "fill: tensor holds I32, expected F32");
    bad("slice", s -> zeros(s, 2, 3).slice(1, 2), "slice: indices [1, 3)", "[2, 3]", "[0, 2)");
    bad("slice", s -> zeros(s, 3).slice(0, 1), "slice: indices [0, 1) of shape [3]", "two axes");
    bad("narrow", s -> zeros(s, 2, 3).narrow(2, 2), "narrow: columns [2, 4)", "[0, 3)");
    bad(
        "narrow",
        s -> s.empty(Shape.of(2, 64), DType.INT8).narrow(16, 32),
        "narrow: columns [16, 48), expected multiples of 32",
        "INT8");
    bad(
        "narrowRows",
        s -> zeros(s, 4, 3).narrowRows(3, 2),
        "narrowRows: rows [3, 5) of shape [4, 3]",
        "[rows, columns]");
    bad("narrowRows", s -> zeros(s, 2, 4, 3).narrowRows(0, 1), "narrowRows: rows [0, 1)");
    bad(
        "Scope.empty",
        s -> s.empty(Shape.of(2, 40), DType.INT8),
        "Scope.empty: shape [2, 40] has rows of 40, expected a multiple of 32 (from INT8)");
    bad(
        "Scope.map",
        s -> s.map(Shape.of(2, 3), DType.F16, MemorySegment.ofArray(new byte[10])),
        "Scope.map: memory has 10 bytes, expected 12 (from F16 [2, 3])");
    bad(
        "Scope.map",
        s -> s.map(Shape.of(2, 3), DType.F16, MemorySegment.ofArray(new byte[12])),
        "CpuBackend.map: memory has 12 bytes on the heap");
    bad("split", s -> zeros(s, 2, 3).split(1, 1), "split: sizes add up to 2, expected 3");
    bad("select", s -> zeros(s, 2, 3).select(2), "select: index 2", "[-2, 2)");
    bad("reshape", s -> zeros(s, 2, 3).reshape(Shape.of(5)), "reshape: x has shape [2, 3]", "5");
    bad(
        "reshape",
        s -> zeros(s, 2, 4).narrow(0, 2).reshape(Shape.of(4)),
        "reshape: x of shape [2, 2] is a view of wider rows");
    bad("copyFrom", s -> zeros(s, 2).copyFrom(zeros(s, 3)), "copyFrom: other has shape [3]", "[2]");
    bad("item", s -> zeros(s, 2).item(), "item: tensor has shape [2], expected one element");
    bad(
        "backward",
        s -> zeros(s, 2).backward(),
        "backward: loss has shape [2], expected one element");
    bad(
        "backward",
        s -> zeros(s, 1).backward(),
        "backward: the loss depends on no parameter",
        "openGradientScope");
    bad(
        "Scope.floats",
        s -> s.floats(Shape.of(2, 2), 1f, 2f),
        "Scope.floats: values has 2 elements, expected 4");
  }

  private static SelectiveScanOp.Inputs scan(Scope s, Tensor z) {
    return new SelectiveScanOp.Inputs(
        zeros(s, 2, 16, 64),
        zeros(s, 2, 16, 64),
        zeros(s, 4, 64),
        zeros(s, 2, 16, 4),
        zeros(s, 2, 16, 4),
        null,
        z,
        null,
        null);
  }

  static Stream<BadCall> calls() {
    return CALLS.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("calls")
  void op_badArgument_isRefusedInWords(BadCall bad) {
    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      var thrown = assertThatThrownBy(() -> bad.call().accept(scope));
      thrown.isInstanceOfAny(IllegalArgumentException.class, IllegalStateException.class);
      for (String word : bad.words()) {
        thrown.hasMessageContaining(word);
      }
    }
  }

  private static SsdOp.Inputs dualScan(Scope s, Tensor dt) {
    Tensor projection = zeros(s, 1, 4, 3);
    return new SsdOp.Inputs(
        zeros(s, 1, 4, 8), dt, zeros(s, 4), projection, projection, null, null, null);
  }

  @Test
  void everyPublicOp_hasABadCall() {
    Set<String> ops =
        new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("io.github.mamba4j.tensor")
                .stream()
                .filter(type -> type.getSimpleName().endsWith("Op"))
                .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                .map(JavaClass::getSimpleName)
                .collect(Collectors.toSet());
    assertThat(ops).contains("LinearOp", "SelectiveScanOp");
    assertThat(CALLS.stream().map(BadCall::op)).containsAll(ops);
  }
}
