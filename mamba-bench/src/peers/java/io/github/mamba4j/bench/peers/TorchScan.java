package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.ScanChannels;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/** The selective scan in eager PyTorch; gradients by autograd. */
abstract class TorchScan implements Contestant {
  private final TorchScanForm form;

  private TorchScan(Setting setting, TorchScanForm form) {
    this.form = form;
    Torch.use(setting.threads());
  }

  /** {@link TorchScanForm#SEQUENTIAL}. */
  static final class Sequential extends TorchScan {
    Sequential(Setting setting) {
      super(setting, TorchScanForm.SEQUENTIAL);
    }
  }

  /** {@link TorchScanForm#STEPWISE}. */
  static final class Stepwise extends TorchScan {
    Stepwise(Setting setting) {
      super(setting, TorchScanForm.STEPWISE);
    }
  }

  /** {@link TorchScanForm#REFERENCE}. */
  static final class Reference extends TorchScan {
    Reference(Setting setting) {
      super(setting, TorchScanForm.REFERENCE);
    }
  }

  /** {@link TorchScanForm#PARALLEL}. */
  static final class Parallel extends TorchScan {
    Parallel(Setting setting) {
      super(setting, TorchScanForm.PARALLEL);
    }
  }

  @Override
  public Map<String, Object> describe() {
    return Torch.describe();
  }

  @Override
  public Trial prepare(String cell) {
    if (ScanWork.withGradients(cell) && form == TorchScanForm.REFERENCE) {
      throw new UnsupportedOperationException("its backward pass is quadratic in the length");
    }
    return new ScanTrial(cell, Scan::new);
  }

  @Override
  public void close() {}

  private final class Scan implements ScanTrial.Scan {
    private final PointerScope scope = new PointerScope();
    private final boolean gradients;
    private final Tensor u;
    private final Tensor dt;
    private final Tensor a;
    private final Tensor b;
    private final Tensor c;
    private final Tensor dSkip;
    private final Tensor z;
    private final Tensor dtBias;
    private final Tensor outGrad;
    private Tensor out = new Tensor();

    Scan(ScanChannels channels, boolean gradients) {
      this.gradients = gradients;
      Map<String, float[]> arrays = channels.arrays();
      long length = channels.length();
      long inner = channels.dInner();
      long states = channels.dState();
      u = input(arrays, "u", 1, length, inner);
      dt = input(arrays, "dt", 1, length, inner);
      Tensor rows = input(arrays, "a", states, inner).detach().t().contiguous();
      a = rows.set_requires_grad(gradients);
      b = input(arrays, "b", 1, length, states);
      c = input(arrays, "c", 1, length, states);
      dSkip = input(arrays, "dSkip", inner);
      z = input(arrays, "z", 1, length, inner);
      dtBias = input(arrays, "dtBias", inner);
      outGrad = Torch.tensor(channels.outGrad(), 1, length, inner);
    }

    private Tensor input(Map<String, float[]> arrays, String name, long... shape) {
      float[] values = Objects.requireNonNull(arrays.get(name));
      return Torch.tensor(values, shape).set_requires_grad(gradients);
    }

    @Override
    public void run() {
      try (PointerScope _ = new PointerScope()) {
        if (gradients) {
          for (Tensor input : new Tensor[] {u, dt, a, b, c, dSkip, z, dtBias}) {
            input.mutable_grad().reset();
          }
          Tensor result = forward();
          result.backward(outGrad, new BoolOptional(), false, new TensorArrayRefOptional());
          keep(result.detach());
        } else {
          NoGradGuard guard = new NoGradGuard();
          keep(forward());
          guard.close();
        }
      }
    }

    private void keep(Tensor result) {
      out.put(result);
    }

    private Tensor forward() {
      Tensor delta = torch.softplus(dt.add(dtBias));
      Tensor y = form.scan(u, delta, a, b, c).add(u.mul(dSkip));
      return y.mul(torch.silu(z));
    }

    @Override
    public void check(ScanChannels channels) {
      channels.checkOut(Torch.floats(out));
      if (gradients) {
        channels.checkGradients(Torch.floats(u.grad()), Torch.floats(dt.grad()));
      }
    }

    @Override
    public void close() {
      scope.close();
    }
  }
}
