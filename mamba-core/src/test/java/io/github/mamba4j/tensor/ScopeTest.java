package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.spi.BackendUnavailableException;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Lifetimes, recordings and the choice of device. */
@Tag("kernels")
class ScopeTest {
  private Device device;

  @BeforeEach
  void open() {
    device = TestDevice.open(2);
  }

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void device_kernels_areTheOnesThatThisRunExpects() {
    String expected = System.getProperty("mamba.test.expectedKernels", "");
    if (expected.equals("vector")) {
      assertThat(device.kernels()).startsWith("vector-");
    } else if (!expected.isEmpty()) {
      assertThat(device.kernels()).isEqualTo(expected);
    }
    if (TestDevice.isCpu()) {
      assertThat(device.describe()).contains("CPU", "2 threads");
    } else {
      assertThat(device.describe()).contains(device.name());
    }
  }

  @Test
  void open_unknownDevice_tellsWhatThereIs() {
    assertThatThrownBy(() -> Device.open("tpu", 1))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessageContaining("no device 'tpu'")
        .hasMessageContaining("cpu");
    assertThatThrownBy(() -> Device.open("cpu:x", 1)).hasMessageContaining("name:index");
    assertThatThrownBy(() -> Device.open("cpu", -1)).hasMessageContaining("threads");
  }

  @Test
  void result_belongsToTheInnermostScope() {
    try (Scope outer = device.openScope();
        Scope inner = outer.openChild()) {
      Tensor a = outer.full(Shape.of(2), 1f);
      Tensor b = inner.full(Shape.of(2), 2f);
      assertThat(a.add(b).scope()).isSameAs(inner);
      assertThat(b.add(a).scope()).isSameAs(inner);
      assertThat(a.add(a).scope()).isSameAs(outer);
      assertThat(a.in(inner).map(Unary.NEGATE).scope()).isSameAs(inner);
    }
  }

  @Test
  void reset_sameWork_takesNoMoreMemory() {
    try (Scope scope = device.openScope()) {
      long first = 0;
      for (int i = 0; i < 5; i++) {
        Tensor x = scope.zeros(Shape.of(1000, 1000));
        assertThat(x.add(x).toFloats()[17]).isZero();
        first = i == 0 ? scope.reservedBytes() : first;
        assertThat(scope.reservedBytes()).isEqualTo(first);
        scope.reset();
      }
    }
  }

  @Test
  void childScopes_closed_giveTheirMemoryBack() {
    try (Scope scope = device.openScope()) {
      Tensor kept = scope.zeros(Shape.of(500, 1000));
      long after = 0;
      for (int i = 0; i < 10; i++) {
        try (Scope child = scope.openChild()) {
          kept.copyFrom(kept.in(child).map(Unary.NEGATE).add(kept));
        }
        after = i == 0 ? scope.reservedBytes() : after;
      }
      assertThat(scope.reservedBytes()).isEqualTo(after);
    }
  }

  @Test
  void record_replayed_followsItsInputsWithForwardAndBackward() {
    try (Scope parameters = device.openScope();
        Scope scope = parameters.openGradientChild()) {
      Tensor w = parameters.floats(Shape.of(3), 1, 2, 3).requireGrad();
      Tensor x = scope.floats(Shape.of(3), 1, 1, 1);
      Tensor[] loss = new Tensor[1];
      Runnable step =
          scope.record(() -> {
            w.zeroGrad();
            loss[0] = x.multiply(w).map(Unary.EXP).sum();
            loss[0].backward();
          });
      x.write(MemorySegment.ofArray(new float[] {0, 0, 1}));
      step.run();
      float e3 = (float) Math.exp(3);
      assertThat(loss[0].item()).isCloseTo(2 + e3, offset(1e-4f));
      assertThat(w.grad().orElseThrow().toFloats())
          .containsExactly(new float[] {0, 0, e3}, offset(1e-4f));
    }
  }

  @Test
  void record_withoutZeroing_addsUpFromReplayToReplay() {
    try (Scope parameters = device.openScope();
        Scope scope = parameters.openGradientChild()) {
      Tensor w = parameters.floats(Shape.of(2), 1, 2).requireGrad();
      Runnable step = scope.record(() -> w.in(scope).multiply(2f).sum().backward());
      assertThat(w.grad().orElseThrow().toFloats()).containsExactly(2f, 2f);
      step.run();
      step.run();
      assertThat(w.grad().orElseThrow().toFloats()).containsExactly(6f, 6f);
    }
  }

  @Test
  void backward_twice_addsUpInParameters() {
    try (Scope parameters = device.openScope();
        Scope scope = parameters.openGradientChild()) {
      Tensor w = parameters.floats(Shape.of(2), 1, 2).requireGrad();
      w.in(scope).sum().backward();
      w.in(scope).multiply(3f).sum().backward(0.5f);
      assertThat(w.grad().orElseThrow().toFloats()).containsExactly(2.5f, 2.5f);
      w.zeroGrad();
      assertThat(w.grad().orElseThrow().toFloats()).containsExactly(0f, 0f);
    }
  }

  @Test
  void readLater_tensorThatChangesMeanwhile_isWhatItWasBefore() {
    try (Arena arena = Arena.ofShared();
        Scope scope = device.openScope()) {
      Tensor x = scope.floats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
      MemorySegment host = device.hostMemory(6 * Float.BYTES, arena);
      Runnable arrival = x.readLater(host);
      x.fill(0);
      arrival.run();
      assertThat(host.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(1, 2, 3, 4, 5, 6);
      assertThatThrownBy(() -> x.narrow(0, 2).readLater(host))
          .isInstanceOf(ShapeMismatchException.class)
          .hasMessageContaining("readLater: tensor of shape [2, 2] is a view of wider rows");
    }
  }

  @Test
  void closedScope_isRefused() {
    Scope scope = device.openScope();
    Tensor x = scope.zeros(Shape.of(2));
    scope.close();
    scope.close();
    assertThatThrownBy(() -> x.add(x))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void tensorsOfTwoDevices_areNotMixed() {
    try (Device other = TestDevice.open(1);
        Scope here = device.openScope();
        Scope there = other.openScope()) {
      Tensor a = here.zeros(Shape.of(2));
      Tensor b = there.zeros(Shape.of(2));
      assertThatThrownBy(() -> a.add(b)).hasMessageContaining("different devices");
    }
  }

  @Test
  void views_readAndWritten_touchTheirPartOnly() {
    try (Scope scope = device.openScope()) {
      Tensor x = scope.floats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
      Tensor column = x.narrow(1, 1);
      assertThat(column.toFloats()).containsExactly(2, 5);
      column.write(MemorySegment.ofArray(new float[] {20, 50}));
      assertThat(x.toFloats()).containsExactly(1, 20, 3, 4, 50, 6);
      assertThat(x.select(-1).toFloats()).containsExactly(4, 50, 6);
      assertThat(x.slice(1, 1).toFloats()).containsExactly(4, 50, 6);
      assertThat(x.narrow(1, 2).slice(1, 1).toFloats()).containsExactly(50, 6);
      assertThat(x.reshape(Shape.of(3, 2)).select(1).toFloats()).containsExactly(3, 4);
    }
  }
}
