package io.github.mamba4j.bench.peers;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Ways to write h_t = exp(Δ_t A)·h_{t−1} + Δ_t B_t u_t, y_t = C_t·h_t in eager PyTorch: u and Δ are
 * [batch, length, dInner], A is [dInner, dState], B and C are [batch, length, dState], y is [batch,
 * length, dInner].
 */
enum TorchScanForm {
  /** All factors at once, then a loop over the steps' unbound views, then all outputs at once. */
  SEQUENTIAL {
    @Override
    Tensor scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c) {
      TensorVector decays = Torch.kept(() -> delta.unsqueeze(3).mul(a).exp().unbind(1));
      TensorVector inputs =
          Torch.kept(() -> delta.mul(u).unsqueeze(3).mul(b.unsqueeze(2)).unbind(1));
      TensorVector states = new TensorVector();
      states.push_back(inputs.get(0));
      for (long t = 1; t < inputs.size(); t++) {
        try (PointerScope _ = new PointerScope()) {
          states.push_back(torch.addcmul(inputs.get(t), decays.get(t), states.get(t - 1)));
        }
      }
      return torch.matmul(torch.stack(states, 1), c.unsqueeze(3)).squeeze(3);
    }
  },
  /** The same loop with each step's factors made in it, so that they stay in cache. */
  STEPWISE {
    @Override
    Tensor scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c) {
      TensorVector deltas = delta.unsqueeze(3).unbind(1);
      TensorVector inputs = delta.mul(u).unsqueeze(3).unbind(1);
      TensorVector ins = b.unsqueeze(2).unbind(1);
      TensorVector outs = c.unsqueeze(3).unbind(1);
      TensorVector results = new TensorVector();
      TensorVector state = new TensorVector(inputs.get(0).mul(ins.get(0)));
      results.push_back(torch.matmul(state.get(0), outs.get(0)));
      for (long t = 1; t < inputs.size(); t++) {
        try (PointerScope _ = new PointerScope()) {
          Tensor decay = deltas.get(t).mul(a).exp();
          state.put(0, torch.addcmul(inputs.get(t).mul(ins.get(t)), decay, state.get(0)));
          results.push_back(torch.matmul(state.get(0), outs.get(t)));
        }
      }
      return torch.stack(results, 1).squeeze(3);
    }
  },
  /** As selective_scan_ref of state-spaces/mamba: einsum, and slices of one large tensor. */
  REFERENCE {
    @Override
    Tensor scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c) {
      Tensor channels = delta.transpose(1, 2).contiguous();
      Tensor in = u.transpose(1, 2).contiguous();
      Tensor decays =
          Torch.kept(() -> torch.einsum("bdl,dn->bdln", new TensorVector(channels, a)).exp());
      Tensor maps = b.transpose(1, 2).contiguous();
      Tensor inputs = torch.einsum("bdl,bnl,bdl->bdln", new TensorVector(channels, maps, in));
      Tensor outs = c.transpose(1, 2).contiguous();
      TensorVector state = new TensorVector(torch.zeros(in.size(0), in.size(1), a.size(1)));
      TensorVector results = new TensorVector();
      for (long t = 0; t < u.size(1); t++) {
        try (PointerScope _ = new PointerScope()) {
          state.put(0, decays.select(2, t).mul(state.get(0)).add(inputs.select(2, t)));
          TensorVector both = new TensorVector(state.get(0), outs.select(2, t));
          results.push_back(torch.einsum("bdn,bn->bd", both));
        }
      }
      return torch.stack(results, 2).transpose(1, 2);
    }
  },
  /** Chunks in parallel by cumulative sums of exponents; a loop over the chunks' last states. */
  PARALLEL {
    @Override
    Tensor scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c) {
      long chunks = u.size(1) / CHUNK;
      Tensor rates = delta.unsqueeze(3).mul(a).view(u.size(0), chunks, CHUNK, u.size(2), a.size(1));
      Tensor exponents = rates.cumsum(2);
      Tensor decays = exponents.exp();
      Tensor inputs = delta.mul(u).unsqueeze(3).mul(b.unsqueeze(2)).view_as(decays);
      Tensor sums = Torch.kept(() -> inputs.mul(exponents.neg().exp()).cumsum(2));
      TensorVector lastSums = sums.select(2, CHUNK - 1).unbind(1);
      TensorVector lastDecays = decays.select(2, CHUNK - 1).unbind(1);
      TensorVector before = new TensorVector();
      Tensor state = torch.zeros_like(lastSums.get(0));
      for (long i = 0; i < chunks; i++) {
        before.push_back(state);
        state = state.add(lastSums.get(i)).mul(lastDecays.get(i));
      }
      Tensor states = sums.add(torch.stack(before, 1).unsqueeze(2)).mul(decays);
      Tensor rows = states.view(u.size(0), u.size(1), u.size(2), a.size(1));
      return torch.matmul(rows, c.unsqueeze(3)).squeeze(3);
    }
  };

  /** So short that the exponential of a chunk's whole decay is not too large for a float. */
  private static final int CHUNK = 16;

  /** Scans. */
  abstract Tensor scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c);
}
