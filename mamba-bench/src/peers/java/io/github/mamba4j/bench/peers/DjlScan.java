package io.github.mamba4j.bench.peers;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.training.GradientCollector;
import io.github.mamba4j.bench.ScanChannels;
import java.util.Map;
import java.util.Objects;

/** The selective scan through DJL's PyTorch engine, step by step; gradients by autograd. */
final class DjlScan implements Contestant {
  private final Engine engine;

  DjlScan(Setting setting) {
    System.setProperty("DJL_CACHE_DIR", setting.files().resolve("djl").toString());
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(setting.threads()));
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    engine = Engine.getEngine("PyTorch");
  }

  @Override
  public Map<String, Object> describe() {
    return Map.of("version", "DJL, PyTorch " + engine.getVersion());
  }

  @Override
  public Trial prepare(String cell) {
    return new ScanTrial(cell, Scan::new);
  }

  @Override
  public void close() {}

  private final class Scan implements ScanTrial.Scan {
    private final NDManager manager = NDManager.newBaseManager("PyTorch");
    private final boolean gradients;
    private final long length;
    private final NDArray u;
    private final NDArray dt;
    private final NDArray a;
    private final NDArray b;
    private final NDArray c;
    private final NDArray dSkip;
    private final NDArray z;
    private final NDArray dtBias;
    private final NDArray outGrad;
    private float[] out = {};

    Scan(ScanChannels channels, boolean gradients) {
      this.gradients = gradients;
      length = channels.length();
      Map<String, float[]> arrays = channels.arrays();
      long inner = channels.dInner();
      long states = channels.dState();
      u = input(arrays, "u", length, inner, 1);
      dt = input(arrays, "dt", length, inner, 1);
      // Channels first, as the states are.
      NDArray rows = input(arrays, "a", states, inner);
      a = rows.transpose().duplicate();
      a.setRequiresGradient(gradients);
      b = input(arrays, "b", length, 1, states);
      c = input(arrays, "c", length, states, 1);
      dSkip = input(arrays, "dSkip", inner, 1);
      z = input(arrays, "z", length, inner, 1);
      dtBias = input(arrays, "dtBias", inner, 1);
      outGrad = manager.create(channels.outGrad(), new Shape(length, inner, 1));
    }

    private NDArray input(Map<String, float[]> arrays, String name, long... shape) {
      NDArray array = manager.create(Objects.requireNonNull(arrays.get(name)), new Shape(shape));
      array.setRequiresGradient(gradients);
      return array;
    }

    @Override
    public void run() {
      try (NDScope temporaries = new NDScope()) {
        temporaries.suppressNotUsedWarning();
        if (gradients) {
          try (GradientCollector collector = engine.newGradientCollector()) {
            NDArray result = forward();
            collector.backward(result.mul(outGrad).sum());
            keep(result);
          }
        } else {
          keep(forward());
        }
      }
    }

    /** Keeps the result of the first time only, which is what is checked. */
    private void keep(NDArray result) {
      if (out.length == 0) {
        out = result.toFloatArray();
      }
    }

    private NDArray forward() {
      NDArray delta = Activation.softPlus(dt.add(dtBias));
      NDList deltas = delta.split(length);
      NDList inputs = delta.mul(u).split(length);
      NDList ins = b.split(length);
      NDList outs = c.split(length);
      NDList results = new NDList();
      NDArray state = inputs.get(0).mul(ins.get(0));
      results.add(state.matMul(outs.get(0)));
      for (int t = 1; t < length; t++) {
        NDArray decay = deltas.get(t).mul(a).exp();
        state = decay.mul(state).add(inputs.get(t).mul(ins.get(t)));
        results.add(state.matMul(outs.get(t)));
      }
      NDArray y = NDArrays.concat(results, 0).add(u.mul(dSkip));
      return y.mul(Activation.swish(z, 1));
    }

    @Override
    public void check(ScanChannels channels) {
      channels.checkOut(out);
      if (gradients) {
        channels.checkGradients(u.getGradient().toFloatArray(), dt.getGradient().toFloatArray());
      }
    }

    @Override
    public void close() {
      manager.close();
    }
  }
}
