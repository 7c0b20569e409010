package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;

/**
 * Golden vector T2 of the technical reference: 2 channels, 3 states, 5 steps, softplus on, with
 * gate and bias, computed elsewhere in double precision. Rows are channels (states for B and C).
 */
final class ScanGolden {
  private static final double[][] OUT = {
    {0.190129855, 0.549762335, 0.584611116, 0.212731778, -0.274877092},
    {0.001031828, 0.040519769, 0.045999985, -0.007930953, -0.101446926}
  };

  private static final double[][] FINAL_STATE = {
    {-1.23184806, 0.26778798, 0.571241679},
    {0.723588656, -0.537546595, -0.343423588}
  };

  private static final double[][] U_GRAD = {
    {0.121217804, 0.411742561, 0.480059225, 0.354907962, 0.107507559},
    {0.019075259, 0.051909646, 0.040691767, -0.022806587, -0.074241017}
  };

  private static final double[][] DT_GRAD = {
    {0.001472988, 0.102732571, 0.124114785, 0.088420028, 0.025542362},
    {0.000347287, 0.020446872, 0.019668938, 0.002530506, -0.019908385}
  };

  private static final double[][] A_GRAD = {
    {0.109626481, -0.246474459, -0.221384553},
    {0.015556717, -0.008863899, 0.015123314}
  };

  private static final double[][] B_GRAD = {
    {-0.264901551, -0.267158243, -0.093521843, 0.002988361, -0.023856226},
    {0.406198013, 0.598268091, 0.455876306, 0.127170584, -0.048151028},
    {0.027809355, -0.042485421, -0.140541464, -0.073095931, 0.050396133}
  };

  private static final double[][] C_GRAD = {
    {-0.070300054, -0.40245347, -0.671704359, -0.482397305, -0.01478331},
    {-0.051953773, -0.129052647, -0.033075153, 0.052993977, -0.056607543},
    {0.09893596, 0.422338033, 0.544771142, 0.297210551, 0.005616404}
  };

  private static final double[][] D_GRAD = {{1.106830821, 0.024231359}};

  private static final double[][] BIAS_GRAD = {{0.342282734, 0.023085218}};

  private static final double[][] Z_GRAD = {
    {0.967299574, 1.134430007, 0.692004323, 0.136715339, -0.050701677},
    {-0.000329588, -0.042871078, -0.130939839, -0.215072531, -0.194964944}
  };

  private static final double[][] INITIAL_STATE_GRAD = {
    {-0.197991242, 0.243411756, 0.013232958},
    {0.145149022, -0.135003519, -0.042108233}
  };

  private ScanGolden() {}

  /** Element i of the reference's generator: {@code scale·sin(1.3·k + 0.37·i)}. */
  private static double element(int k, int i, double scale) {
    return scale * Math.sin(1.3 * k + 0.37 * i);
  }

  /** Fills [time, channel] from the reference's [channel, time]. */
  private static void fill(double[] target, int k, double scale) {
    int channels = target.length / 5;
    for (int i = 0; i < target.length; i++) {
      target[i % 5 * channels + i / 5] = element(k, i, scale);
    }
  }

  static ScanCase inputs() {
    ScanCase scan = new ScanCase(new Shape(1, 5, 2, 3, Discretization.EULER, true), 0);
    ScanTruth truth = scan.truth;
    fill(truth.u, 1, 1);
    fill(truth.dt, 2, 0.5);
    fill(truth.b, 3, 1);
    fill(truth.c, 4, 1);
    fill(truth.z, 5, 1);
    fill(scan.outGrad, 6, 1);
    for (int i = 0; i < 6; i++) {
      int channel = i / 3;
      truth.a[i % 3 * 2 + channel] = -(0.5 + 0.25 * i);
    }
    System.arraycopy(new double[] {1, -0.5}, 0, truth.dSkip, 0, 2);
    System.arraycopy(new double[] {0.1, -0.2}, 0, truth.dtBias, 0, 2);
    java.util.Arrays.fill(truth.initialState, 0);
    scan.withFinalGrad = false;
    scan.dropAbsent();
    return scan;
  }

  static void check(ScanKernels kernels) {
    ScanCase scan = inputs();
    scan.forward(kernels);
    scan.backward(kernels, false);
    double[][] gradients = new double[scan.gradients.length][];
    for (int i = 0; i < gradients.length; i++) {
      gradients[i] = doubles(scan.gradients[i].values());
    }
    double[] out = doubles(scan.out.values());
    check(out, doubles(scan.finalState.values()), gradients, 1e-4, 1e-6);
  }

  static void check(
      double[] out, double[] state, double[][] gradients, double relative, double absolute) {
    check("out", out, true, OUT, relative, absolute);
    check("finalState", state, true, FINAL_STATE, relative, absolute);
    check("uGrad", gradients[0], true, U_GRAD, relative, absolute);
    check("dtGrad", gradients[1], true, DT_GRAD, relative, absolute);
    check("aGrad", gradients[2], true, A_GRAD, relative, absolute);
    check("bGrad", gradients[3], true, B_GRAD, relative, absolute);
    check("cGrad", gradients[4], true, C_GRAD, relative, absolute);
    check("dSkipGrad", gradients[5], false, D_GRAD, relative, absolute);
    check("zGrad", gradients[6], true, Z_GRAD, relative, absolute);
    check("dtBiasGrad", gradients[7], false, BIAS_GRAD, relative, absolute);
    check("initialStateGrad", gradients[8], true, INITIAL_STATE_GRAD, relative, absolute);
  }

  private static void check(
      String what,
      double[] actual,
      boolean transposed,
      double[][] expected,
      double relative,
      double absolute) {
    int rows = expected.length;
    int cols = expected[0].length;
    assertThat(actual).as(what).hasSize(rows * cols);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < cols; i++) {
        assertThat(actual[transposed ? i * rows + r : r * cols + i])
            .as("%s[%s][%s]", what, r, i)
            .isCloseTo(expected[r][i], within(absolute + relative * Math.abs(expected[r][i])));
      }
    }
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
