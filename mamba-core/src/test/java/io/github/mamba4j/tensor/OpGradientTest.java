package io.github.mamba4j.tensor;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.oracle.ReferenceConv;
import io.github.mamba4j.oracle.ReferenceOps;
import io.github.mamba4j.oracle.ReferenceScan;
import io.github.mamba4j.oracle.ReferenceSsd;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Values and gradients of every operation, every input, against float64 and its differences. */
@Tag("kernels")
class OpGradientTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = TestDevice.open(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void op_valuesAndGradients_matchFloat64(OpCase op) {
    op.check(device);
  }

  static Stream<OpCase> cases() {
    List<OpCase> cases = new ArrayList<>();
    elementwise(cases);
    views(cases);
    products(cases);
    norms(cases);
    convolutions(cases);
    losses(cases);
    scans(cases);
    dualScans(cases);
    return cases.stream();
  }

  private static void elementwise(List<OpCase> cases) {
    cases.add(
        pair("add", 3, 17).op(in -> in.get("a").add(in.get("b"))).truth(in -> zip(in, 17, "+")));
    cases.add(
        row("add row", 3, 17).op(in -> in.get("a").add(in.get("b"))).truth(in -> zip(in, 17, "+")));
    cases.add(
        pair("subtract", 2, 5)
            .op(in -> in.get("a").subtract(in.get("b")))
            .truth(in -> zip(in, 5, "-")));
    cases.add(
        row("subtract row", 4, 5)
            .op(in -> in.get("a").subtract(in.get("b")))
            .truth(in -> zip(in, 5, "-")));
    cases.add(
        pair("multiply", 3, 7)
            .op(in -> in.get("a").multiply(in.get("b")))
            .truth(in -> zip(in, 7, "*")));
    cases.add(
        row("multiply row", 3, 7)
            .op(in -> in.get("a").multiply(in.get("b")))
            .truth(in -> zip(in, 7, "*")));
    cases.add(
        new OpCase("multiply number")
            .input("x", 5, 3)
            .op(in -> in.get("x").multiply(-2.5f))
            .truth(in -> map(in.get("x"), v -> -2.5 * v)));
    cases.add(
        new OpCase("x used twice")
            .input("x", 4, 9)
            .op(in -> in.get("x").multiply(in.get("x")).add(in.get("x")))
            .truth(in -> map(in.get("x"), v -> v * v + v)));
    cases.add(
        new OpCase("unused input has zero gradient")
            .input("x", 4, 9)
            .input("unused", 3)
            .op(in -> in.get("x").multiply(3f))
            .truth(in -> map(in.get("x"), v -> 3 * v)));
    unary(cases, Unary.EXP, Math::exp);
    unary(cases, Unary.NEGATE, v -> -v);
    unary(cases, Unary.SIGMOID, ReferenceOps::sigmoid);
    unary(cases, Unary.SILU, ReferenceOps::silu);
    unary(cases, Unary.SOFTPLUS, ReferenceOps::softplus);
    unary(cases, Unary.TANH, Math::tanh);
    cases.add(
        new OpCase("sum")
            .input("x", 3, 35)
            .op(in -> in.get("x").sum())
            .truth(in -> new double[] {sum(in.get("x"))}));
    cases.add(
        new OpCase("mean")
            .input("x", 2, 3, 7)
            .op(in -> in.get("x").mean())
            .truth(in -> new double[] {sum(in.get("x")) / 42}));
  }

  private static void views(List<OpCase> cases) {
    cases.add(
        new OpCase("transpose")
            .input("x", 19, 35)
            .op(in -> squares(in.get("x").transpose()))
            .truth(in -> map(ReferenceOps.transpose(in.get("x"), 19, 35), v -> v * v)));
    cases.add(
        new OpCase("decay")
            .input("x", 19, 35)
            .op(in -> squares(DecayOp.apply(in.get("x"))))
            .truth(in -> map(ReferenceOps.transpose(in.get("x"), 19, 35), v -> Math.exp(2 * v))));
    cases.add(
        new OpCase("transpose of a part, added to another use")
            .input("x", 3, 9)
            .op(in -> {
              Tensor part = in.get("x").narrow(2, 5);
              return part.transpose().sum().multiply(2f).add(squares(part).sum());
            })
            .truth(in -> {
              double[] part = ReferenceOps.columns(in.get("x"), 9, 2, 7);
              return new double[] {2 * sum(part) + sum(map(part, v -> v * v))};
            }));
    cases.add(
        new OpCase("narrow")
            .input("x", 5, 12)
            .op(in -> in.get("x").multiply(1f).narrow(3, 4).multiply(2f))
            .truth(in -> map(ReferenceOps.columns(in.get("x"), 12, 3, 7), v -> 2 * v)));
    cases.add(
        new OpCase("slice")
            .input("x", 3, 2, 5)
            .op(in -> in.get("x").multiply(1f).slice(1, 2).multiply(2f))
            .truth(in -> IntStream.range(10, 30).mapToDouble(i -> 2 * in.get("x")[i]).toArray()));
    cases.add(
        new OpCase("split with one part unused and one used twice")
            .input("x", 5, 12)
            .op(in -> {
              Tensor[] parts = in.get("x").multiply(1f).split(4, 4, 4);
              return parts[0].multiply(parts[2]).add(parts[0]);
            })
            .truth(in -> {
              double[] first = ReferenceOps.columns(in.get("x"), 12, 0, 4);
              double[] last = ReferenceOps.columns(in.get("x"), 12, 8, 12);
              return IntStream.range(0, 20)
                  .mapToDouble(i -> first[i] * last[i] + first[i])
                  .toArray();
            }));
    cases.add(
        new OpCase("split and whole")
            .input("x", 5, 8)
            .op(in -> {
              Tensor y = in.get("x").multiply(1f);
              Tensor[] parts = y.split(4, 4);
              Tensor product = parts[0].multiply(parts[1]).sum();
              return y.sum().add(product);
            })
            .truth(in -> {
              double[] x = in.get("x");
              double total = sum(x);
              for (int r = 0; r < 5; r++) {
                for (int c = 0; c < 4; c++) {
                  total += x[r * 8 + c] * x[r * 8 + 4 + c];
                }
              }
              return new double[] {total};
            }));
    cases.add(
        new OpCase("select the last step")
            .input("x", 2, 3, 4)
            .op(in -> in.get("x").multiply(1f).select(-1).multiply(2f))
            .truth(in ->
                IntStream.range(0, 8)
                    .mapToDouble(i -> 2 * in.get("x")[(i / 4) * 12 + 8 + i % 4])
                    .toArray()));
    cases.add(
        new OpCase("reshape")
            .input("x", 2, 6)
            .op(in -> in.get("x").multiply(1f).reshape(Shape.of(3, 4)).multiply(2f))
            .truth(in -> map(in.get("x"), v -> 2 * v)));
  }

  private static void products(List<OpCase> cases) {
    cases.add(
        new OpCase("matmul")
            .input("a", 5, 7)
            .input("b", 7, 19)
            .op(in -> in.get("a").matmul(in.get("b")))
            .truth(in -> matmul(1, 5, 19, 7, in.get("a"), in.get("b"))));
    cases.add(
        new OpCase("matmul batched")
            .input("a", 3, 5, 7)
            .input("b", 3, 7, 9)
            .op(in -> in.get("a").matmul(in.get("b")))
            .truth(in -> matmul(3, 5, 9, 7, in.get("a"), in.get("b"))));
    cases.add(
        new OpCase("matmul with one matrix for all")
            .input("a", 3, 5, 7)
            .input("b", 7, 9)
            .op(in -> in.get("a").matmul(in.get("b")))
            .truth(in -> matmul(1, 15, 9, 7, in.get("a"), in.get("b"))));
    cases.add(
        new OpCase("linear with bias")
            .input("x", 2, 3, 10)
            .input("w", 6, 10)
            .input("bias", 6)
            .op(in -> LinearOp.apply(in.get("x"), in.get("w"), in.get("bias")))
            .truth(in -> ReferenceOps.linear(6, 10, 6, in.get("x"), in.get("w"), in.get("bias"))));
    cases.add(
        new OpCase("linear of a view")
            .input("x", 6, 14)
            .input("w", 33, 5)
            .op(in -> LinearOp.apply(in.get("x").multiply(1f).split(4, 5, 5)[1], in.get("w"), null))
            .truth(in ->
                ReferenceOps.linear(
                    6, 5, 33, ReferenceOps.columns(in.get("x"), 14, 4, 9), in.get("w"), null)));
  }

  private static void norms(List<OpCase> cases) {
    cases.add(
        new OpCase("rmsNorm")
            .input("x", 2, 3, 21)
            .input("w", 1.0, 0.1, 21)
            .op(in -> RmsNormOp.apply(in.get("x"), in.get("w"), 1e-5f))
            .truth(in -> ReferenceOps.rmsNorm(21, 1e-5, in.get("x"), null, in.get("w"))));
    cases.add(
        new OpCase("rmsNorm with residual, both results used")
            .input("x", 4, 18)
            .input("r", 4, 18)
            .input("w", 1.0, 0.1, 18)
            .op(in -> {
              RmsNormOp.Result normed =
                  RmsNormOp.withResidual(
                      in.get("x").multiply(1f), in.get("r").multiply(1f), in.get("w"), 1e-5f);
              return normed.out().add(normed.sum().multiply(normed.sum()));
            })
            .truth(in -> {
              double[] sum = ReferenceOps.add(in.get("x"), in.get("r"));
              double[] normed =
                  ReferenceOps.rmsNorm(18, 1e-5, in.get("x"), in.get("r"), in.get("w"));
              return ReferenceOps.add(normed, map(sum, v -> v * v));
            }));
    cases.add(
        new OpCase("rmsNorm with residual, sum unused, x and residual used again")
            .input("x", 4, 18)
            .input("r", 4, 18)
            .input("w", 1.0, 0.1, 18)
            .op(in -> {
              Tensor x = in.get("x").multiply(1f);
              Tensor r = in.get("r").multiply(1f);
              Tensor early = x.multiply(r);
              Tensor normed = RmsNormOp.withResidual(x, r, in.get("w"), 1e-5f).out();
              return normed.add(early);
            })
            .truth(in -> {
              double[] normed =
                  ReferenceOps.rmsNorm(18, 1e-5, in.get("x"), in.get("r"), in.get("w"));
              for (int i = 0; i < normed.length; i++) {
                normed[i] += in.get("x")[i] * in.get("r")[i];
              }
              return normed;
            }));
    for (int groups : new int[] {1, 3}) {
      for (boolean gateFirst : new boolean[] {true, false}) {
        cases.add(
            new OpCase("gatedRmsNorm, groups " + groups + ", gate first " + gateFirst)
                .input("x", 2, 3, 21)
                .input("z", 2, 3, 21)
                .input("w", 1.0, 0.1, 21)
                .op(in ->
                    GatedRmsNormOp.apply(
                        in.get("x"), in.get("z"), in.get("w"), groups, 1e-5f, gateFirst))
                .truth(in ->
                    ReferenceOps.gatedRmsNorm(
                        21, groups, 1e-5, gateFirst, in.get("x"), in.get("z"), in.get("w"))));
      }
    }
    cases.add(
        new OpCase("embedding with a repeated id")
            .input("table", 6, 5)
            .op(in -> {
              Tensor table = in.get("table");
              Tensor ids = table.scope().ints(Shape.of(2, 2), 4, 1, 4, 0);
              return EmbeddingOp.apply(ids, table);
            })
            .truth(in -> ReferenceOps.embedding(in.get("table"), 5, new int[] {4, 1, 4, 0})));
  }

  private static void convolutions(List<OpCase> cases) {
    for (boolean silu : new boolean[] {false, true}) {
      ReferenceConv.Shape shape = new ReferenceConv.Shape(2, 6, 19, 4, silu);
      cases.add(
          new OpCase("causalConv1d, silu " + silu)
              .input("x", 2, 6, 19)
              .input("w", 19, 4)
              .input("bias", 19)
              .op(in ->
                  CausalConv1dOp.apply(in.get("x"), in.get("w").transpose(), in.get("bias"), silu))
              .truth(in ->
                  ReferenceConv.forward(shape, in.get("x"), in.get("w"), in.get("bias"), null)));
    }
    ReferenceConv.Shape shape = new ReferenceConv.Shape(2, 2, 5, 4, true);
    cases.add(
        new OpCase("causalConv1d with states, shorter than the taps")
            .input("x", 2, 2, 5)
            .input("w", 5, 4)
            .input("state", 2, 3, 5)
            .op(in -> {
              CausalConv1dOp.Result result =
                  CausalConv1dOp.withState(
                      in.get("x"), in.get("w").transpose(), null, in.get("state"), true);
              return result.out().sum().add(squares(result.finalState()).sum());
            })
            .truth(in -> {
              double[] out =
                  ReferenceConv.forward(shape, in.get("x"), in.get("w"), null, in.get("state"));
              double[] state = ReferenceConv.finalState(shape, in.get("x"), in.get("state"));
              return new double[] {sum(out) + sum(map(state, v -> v * v))};
            }));
  }

  private static void losses(List<OpCase> cases) {
    int[] targets = {2, CrossEntropyOp.IGNORE, 0, 36, 5};
    cases.add(
        new OpCase("crossEntropy")
            .input("logits", 0.0, 2.0, 5, 37)
            .op(in ->
                CrossEntropyOp.apply(
                        in.get("logits"), in.get("logits").scope().ints(Shape.of(5), targets))
                    .mean())
            .truth(in -> new double[] {ReferenceOps.crossEntropy(37, in.get("logits"), targets)}));
    cases.add(
        new OpCase("linear crossEntropy")
            .input("x", 5, 8)
            .input("w", 37, 8)
            .op(in ->
                CrossEntropyOp.linear(
                        in.get("x"), in.get("w"), in.get("x").scope().ints(Shape.of(5), targets))
                    .mean()
                    .multiply(3f))
            .truth(in -> {
              double[] logits = ReferenceOps.linear(5, 8, 37, in.get("x"), in.get("w"), null);
              return new double[] {3 * ReferenceOps.crossEntropy(37, logits, targets)};
            }));
  }

  private static void dualScans(List<OpCase> cases) {
    float infinity = Float.POSITIVE_INFINITY;
    cases.add(dualScan(new SsdOp.Options(5, 1, 4, 0, infinity), 11, 2, 3));
    cases.add(dualScan(new SsdOp.Options(2, 2, 64, 0, infinity), 7, 4, 5));
    cases.add(dualScan(new SsdOp.Options(17, 1, 3, 0.4f, 0.9f), 9, 2, 1));
    ReferenceSsd.Shape bare = new ReferenceSsd.Shape(2, 6, 3, 4, 3, 2, 0, Double.POSITIVE_INFINITY);
    cases.add(
        new OpCase("ssd with nothing optional")
            .input("x", 2, 6, 12)
            .input("dt", 2, 6, 3)
            .negative("a", 3)
            .input("b", 2, 6, 6)
            .input("c", 2, 6, 6)
            .op(in -> {
              SsdOp.Inputs inputs =
                  new SsdOp.Inputs(
                      in.get("x"),
                      in.get("dt"),
                      in.get("a"),
                      in.get("b"),
                      in.get("c"),
                      null,
                      null,
                      null);
              return SsdOp.apply(inputs, new SsdOp.Options(4, 3, 2, 0, infinity)).out();
            })
            .truth(in -> ReferenceSsd.scan(bare, in).out()));
  }

  /** Output and final state both count; D has one element a channel where there are two groups. */
  private static OpCase dualScan(SsdOp.Options options, int length, int heads, int dState) {
    int dInner = heads * options.headDim();
    int groups = options.groups();
    ReferenceSsd.Shape shape =
        new ReferenceSsd.Shape(
            2,
            length,
            heads,
            options.headDim(),
            groups,
            dState,
            options.stepMin(),
            options.stepMax());
    return new OpCase("ssd " + shape)
        .input("x", 2, length, dInner)
        .input("dt", 2, length, heads)
        .negative("a", heads)
        .input("b", 2, length, groups * dState)
        .input("c", 2, length, groups * dState)
        .input("dSkip", groups == 2 ? dInner : heads)
        .input("dtBias", heads)
        .input("initialState", 2, dState, dInner)
        .op(in -> {
          SsdOp.Result result =
              SsdOp.apply(
                  new SsdOp.Inputs(
                      in.get("x"),
                      in.get("dt"),
                      in.get("a"),
                      in.get("b"),
                      in.get("c"),
                      in.get("dSkip"),
                      in.get("dtBias"),
                      in.get("initialState")),
                  options);
          return squares(result.out()).sum().add(squares(result.finalState()).sum());
        })
        .truth(in -> {
          ReferenceScan.Result result = ReferenceSsd.scan(shape, in);
          double all = sum(map(result.out(), v -> v * v));
          return new double[] {all + sum(map(result.finalState(), v -> v * v))};
        });
  }

  private static void scans(List<OpCase> cases) {
    for (PrefixAlgorithm algorithm : PrefixAlgorithm.values()) {
      cases.add(
          new OpCase("prefixScan " + algorithm)
              .input("a", 0.5, 0.3, 2, 13, 5)
              .input("b", 2, 13, 5)
              .input("initial", 2, 5)
              .op(in -> PrefixScanOp.apply(in.get("a"), in.get("b"), in.get("initial"), algorithm))
              .truth(in ->
                  ReferenceScan.prefixScan(
                      13, 5, false, in.get("a"), in.get("b"), in.get("initial"))));
    }
    for (Discretization rule : Discretization.values()) {
      cases.add(fullScan(rule, true));
      cases.add(fullScan(rule, false));
    }
    ReferenceScan.Shape shape =
        new ReferenceScan.Shape(1, 9, 17, 3, ReferenceScan.Rule.EULER, true);
    cases.add(
        new OpCase("selectiveScan with nothing optional")
            .input("u", 1, 9, 17)
            .input("dt", 1, 9, 17)
            .negative("a", 17, 3)
            .input("b", 1, 9, 3)
            .input("c", 1, 9, 3)
            .op(in -> SelectiveScanOp.apply(scanInputs(in), Discretization.EULER).out())
            .truth(in -> ReferenceScan.selectiveScan(shape, in).out()));
  }

  private static OpCase fullScan(Discretization rule, boolean softplus) {
    ReferenceScan.Shape shape =
        new ReferenceScan.Shape(2, 11, 21, 5, ReferenceScan.Rule.valueOf(rule.name()), softplus);
    return new OpCase("selectiveScan " + rule + ", softplus " + softplus)
        .input("u", 2, 11, 21)
        .input("dt", softplus ? 0 : 1, softplus ? 1 : 0.1, 2, 11, 21)
        .negative("a", 21, 5)
        .input("b", 2, 11, 5)
        .input("c", 2, 11, 5)
        .input("dSkip", 21)
        .input("z", 2, 11, 21)
        .input("dtBias", 0, 0.1, 21)
        .input("initialState", 2, 5, 21)
        .tolerance(5e-5)
        .op(in -> {
          SelectiveScanOp.Result result = SelectiveScanOp.apply(scanInputs(in), rule, softplus);
          return squares(result.out()).sum().add(squares(result.finalState()).sum());
        })
        .truth(in -> {
          Map<String, double[]> upstream = new LinkedHashMap<>(in);
          upstream.put("initialState", ReferenceOps.transpose(in.get("initialState"), 5, 21));
          ReferenceScan.Result result = ReferenceScan.selectiveScan(shape, upstream);
          return new double[] {
            sum(map(result.out(), v -> v * v)) + sum(map(result.finalState(), v -> v * v))
          };
        });
  }

  private static SelectiveScanOp.Inputs scanInputs(Map<String, Tensor> in) {
    return new SelectiveScanOp.Inputs(
        in.get("u"),
        in.get("dt"),
        in.get("a").transpose(),
        in.get("b"),
        in.get("c"),
        in.get("dSkip"),
        in.get("z"),
        in.get("dtBias"),
        in.get("initialState"));
  }

  private static Tensor squares(Tensor x) {
    return x.multiply(x);
  }

  private static void unary(List<OpCase> cases, Unary function, DoubleUnaryOperator truth) {
    cases.add(
        new OpCase(function.name())
            .input("x", 0.0, 2.0, 3, 37)
            .op(in -> in.get("x").map(function))
            .truth(in -> map(in.get("x"), truth)));
  }

  private static OpCase pair(String name, int rows, int cols) {
    return new OpCase(name).input("a", rows, cols).input("b", rows, cols);
  }

  private static OpCase row(String name, int rows, int cols) {
    return new OpCase(name).input("a", rows, cols).input("b", cols);
  }

  private static double[] zip(Map<String, double[]> in, int cols, String sign) {
    double[] a = in.get("a");
    double[] b = in.get("b");
    return IntStream.range(0, a.length)
        .mapToDouble(i -> {
          double right = b.length == a.length ? b[i] : b[i % cols];
          return switch (sign) {
            case "+" -> a[i] + right;
            case "-" -> a[i] - right;
            default -> a[i] * right;
          };
        })
        .toArray();
  }

  private static double[] matmul(int batch, int m, int n, int k, double[] a, double[] b) {
    double[] out = new double[batch * m * n];
    for (int i = 0; i < batch; i++) {
      for (int r = 0; r < m; r++) {
        for (int c = 0; c < n; c++) {
          for (int j = 0; j < k; j++) {
            out[(i * m + r) * n + c] += a[(i * m + r) * k + j] * b[(i * k + j) * n + c];
          }
        }
      }
    }
    return out;
  }

  private static double[] map(double[] x, DoubleUnaryOperator f) {
    return IntStream.range(0, x.length).mapToDouble(i -> f.applyAsDouble(x[i])).toArray();
  }

  private static double sum(double[] x) {
    double total = 0;
    for (double v : x) {
      total += v;
    }
    return total;
  }
}
