package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients of weights that are computed beside scans, on a device that has room there. */
class PostponedTest {
  private static final int ROWS = 2;
  private static final int LENGTH = 5;
  private static final int WIDTH = 8;
  private static final int STATES = 4;
  private static final int LAYERS = 3;

  /** When a device runs what it is to run beside something else. */
  enum Order {
    BEFORE,
    AFTER,
    AT_JOIN
  }

  private final Device cpu = Device.open("cpu", 1);
  private final List<Runnable> besides = new ArrayList<>();
  private final List<Runnable> pending = new ArrayList<>();

  /** The call beside others that fails. */
  private int broken = Integer.MAX_VALUE;

  @AfterEach
  void close() {
    cpu.close();
  }

  /** Returns a device that runs kernels beside others. */
  private Device roomy(Order order) {
    InvocationHandler handler =
        (proxy, method, arguments) ->
            switch (method.getName()) {
              case "runsBeside" -> true;
              case "beside" -> beside(order, (Runnable) arguments[0], (Runnable) arguments[1]);
              case "joinBeside" -> join();
              default -> call(method, arguments);
            };
    Class<?>[] types = {Backend.class};
    Object backend = Proxy.newProxyInstance(Backend.class.getClassLoader(), types, handler);
    return Device.of((Backend) backend);
  }

  private @Nullable Object call(Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(cpu.backend(), arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private @Nullable Object beside(Order order, Runnable first, Runnable second) {
    if (besides.size() == broken) {
      throw new IllegalStateException("out of order");
    }
    besides.add(second);
    if (order == Order.BEFORE) {
      second.run();
    }
    first.run();
    if (order == Order.AFTER) {
      second.run();
    } else if (order == Order.AT_JOIN) {
      pending.add(second);
    }
    return null;
  }

  private @Nullable Object join() {
    pending.forEach(Runnable::run);
    pending.clear();
    return null;
  }

  /** Parameters and layers with two projections and a scan between them, as a mixer has them. */
  private static final class Net {
    private final Random random = new Random(5);
    private final Scope scope;
    private final List<Tensor> parameters = new ArrayList<>();
    private final List<Tensor> in = new ArrayList<>();
    private final List<Tensor> out = new ArrayList<>();
    private final List<Tensor> rates = new ArrayList<>();
    private final Tensor x;

    Net(Scope scope, int layers, boolean tied) {
      this.scope = scope;
      x = values(ROWS, LENGTH, WIDTH);
      for (int i = 0; i < layers; i++) {
        rates.add(tied && i > 0 ? rates.getFirst() : parameter(WIDTH, STATES));
        in.add(tied && i > 0 ? in.getFirst() : parameter(2 * WIDTH + 2 * STATES, WIDTH));
        out.add(tied && i > 0 ? out.getFirst() : parameter(WIDTH, WIDTH));
      }
    }

    private Tensor values(int... dims) {
      Shape shape = Shape.of(dims);
      float[] values = new float[Math.toIntExact(shape.elements())];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (random.nextGaussian() / 3) - 0.1f;
      }
      return scope.floats(shape, values);
    }

    private Tensor parameter(int... dims) {
      Tensor parameter = values(dims).requireGrad();
      parameters.add(parameter);
      return parameter;
    }

    Tensor scan(Tensor hidden, int layer) {
      Tensor[] parts =
          LinearOp.apply(hidden, in.get(layer), null).split(WIDTH, WIDTH, STATES, STATES);
      Tensor a = DecayOp.apply(rates.get(layer).in(hidden.scope()));
      SelectiveScanOp.Inputs inputs =
          new SelectiveScanOp.Inputs(
              parts[0], parts[1], a, parts[2], parts[3], null, null, null, null);
      return SelectiveScanOp.apply(inputs, Discretization.EULER).out();
    }

    Tensor loss(Scope work) {
      Tensor hidden = x.in(work);
      for (int i = 0; i < in.size(); i++) {
        hidden = hidden.add(LinearOp.apply(scan(hidden, i), out.get(i), null));
      }
      return hidden.multiply(hidden).sum();
    }

    List<float[]> gradients() {
      return parameters.stream().map(p -> p.grad().orElseThrow().toFloats()).toList();
    }
  }

  private static List<float[]> gradients(Device device, boolean tied) {
    try (Scope outer = device.openScope();
        Scope scope = outer.openGradientChild()) {
      Net net = new Net(outer, LAYERS, tied);
      net.loss(scope).backward();
      return net.gradients();
    }
  }

  private static void assertSameBits(List<float[]> actual, List<float[]> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.size(); i++) {
      assertThat(actual.get(i)).as("gradient %d", i).isEqualTo(expected.get(i));
    }
  }

  @ParameterizedTest
  @EnumSource
  void backward_eitherOrder_hasTheBitsOfNoRoom(Order order) {
    assertSameBits(gradients(roomy(order), false), gradients(cpu, false));
    assertThat(besides).as("scans, and the last one's two").hasSize(LAYERS + 2);
    assertThat(pending).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void backward_weightsUsedSeveralTimes_addsInTheSameOrder(Order order) {
    assertSameBits(gradients(roomy(order), true), gradients(cpu, true));
    assertThat(besides).isNotEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void backward_recorded_givesTheSameBitsAgain(Order order) {
    try (Scope outer = roomy(order).openScope();
        Scope scope = outer.openGradientChild()) {
      Net net = new Net(outer, LAYERS, false);
      Runnable recorded = scope.record(() -> net.loss(scope).backward());
      net.parameters.forEach(Tensor::zeroGrad);
      recorded.run();
      assertSameBits(net.gradients(), gradients(cpu, false));
    }
  }

  /** Returns how far memory was used by a backward pass. */
  private static long reach(Device device, int layers) {
    try (Scope outer = device.openScope();
        Scope scope = outer.openGradientChild()) {
      new Net(outer, layers, false).loss(scope).backward();
      return scope.take(7 * 64).offsetBytes();
    }
  }

  @Test
  void backward_manyLayers_keepsTheGradientsOfTwo() {
    Device roomy = roomy(Order.AFTER);
    long more = reach(roomy, LAYERS) - reach(cpu, LAYERS);
    assertThat(more).isPositive();
    assertThat(reach(roomy, 4 * LAYERS) - reach(cpu, 4 * LAYERS)).isEqualTo(more);
  }

  /** What reaches a parameter between a postponed contribution and the scan that it waits for. */
  private static List<float[]> gradientsOfTwoUses(Device device) {
    try (Scope outer = device.openScope();
        Scope scope = outer.openGradientChild()) {
      Net net = new Net(outer, 1, false);
      Tensor weight = net.out.getFirst();
      for (int i = 0; i < 2; i++) {
        net.parameters.forEach(parameter -> parameter.gradient().renew());
        Tensor y = net.scan(net.x.in(scope), 0);
        Tensor squares = weight.in(scope).multiply(weight).sum();
        LinearOp.apply(y, weight, null).sum().add(squares).backward();
        scope.reset();
      }
      return net.gradients();
    }
  }

  @Test
  void backward_anotherContributionFollows_comesAfter() {
    assertSameBits(gradientsOfTwoUses(roomy(Order.AFTER)), gradientsOfTwoUses(cpu));
  }

  @Test
  void backward_scanIsNotReached_computesWhatWaitedForIt() {
    try (Scope outer = roomy(Order.AFTER).openScope();
        Scope scope = outer.openGradientChild()) {
      Net net = new Net(outer, 1, false);
      net.scan(net.x.in(scope), 0);
      LinearOp.apply(net.x.in(scope), net.out.getFirst(), null).sum().backward();
      float[] gradient = net.out.getFirst().grad().orElseThrow().toFloats();
      assertThat(gradient).doesNotContain(0f);
      assertThat(besides).isEmpty();
    }
  }

  @Test
  void backward_nothingAfterTheLastScan_isKept() {
    try (Scope outer = roomy(Order.AFTER).openScope();
        Scope scope = outer.openGradientChild()) {
      Net net = new Net(outer, LAYERS, false);
      Tensor hidden = net.x.in(scope);
      for (int i = 0; i < LAYERS; i++) {
        hidden = LinearOp.apply(hidden, net.out.get(i), null);
      }
      hidden.sum().backward();
      assertThat(scope.tape()).isNotNull();
      assertThat(besides).isEmpty();
      assertThat(net.out.getFirst().grad()).isPresent();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, LAYERS})
  void backward_thatFails_leavesNothingForTheNext(int call) {
    try (Scope outer = roomy(Order.AT_JOIN).openScope()) {
      Net net = new Net(outer, LAYERS, false);
      try (Scope scope = outer.openGradientChild()) {
        broken = call;
        Tensor loss = net.loss(scope);
        assertThatIllegalStateException().isThrownBy(loss::backward).withMessage("out of order");
        assertThat(besides).hasSize(call);
        assertThat(pending).isEmpty();
      }
      broken = Integer.MAX_VALUE;
      net.parameters.forEach(Tensor::zeroGrad);
      try (Scope scope = outer.openGradientChild()) {
        net.loss(scope).backward();
      }
      assertSameBits(net.gradients(), gradients(cpu, false));
    }
  }
}
