package io.github.mamba4j.bench.peers;

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
      TensorVector decays = delta.unsqueeze(3).mul(a).exp().unbind(1);
      TensorVector inputs = delta.mul(u).unsqueeze(3).mul(b.unsqueeze(2)).unbind(1);
      TensorVector states = new TensorVector();
      Tensor state = inputs.get(0);
      states.push_back(state);
      for (long t = 1; t < inputs.size(); t++) {
        state = torch.addcmul(inputs.get(t), decays.get(t), state);
        states.push_back(state);
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
      Tensor state = inputs.get(0).mul(ins.get(0));
      results.push_back(torch.matmul(state, outs.get(0)));
      for (long t = 1; t < inputs.size(); t++) {
        Tensor decay = deltas.get(t).mul(a).exp();
        state = torch.addcmul(inputs.get(t).mul(ins.get(t)), decay, state);
        results.push_back(torch.matmul(state, outs.get(t)));
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
      Tensor decays = torch.einsum("bdl,dn->bdln", new TensorVector(channels, a)).exp();
      Tensor maps = b.transpose(1, 2).contiguous();
      Tensor inputs = torch.einsum("bdl,bnl,bdl->bdln", new TensorVector(channels, maps, in));
      Tensor outs = c.transpose(1, 2).contiguous();
      Tensor state = torch.zeros(in.size(0), in.size(1), a.size(1));
      TensorVector results = new TensorVector();
      for (long t = 0; t < u.size(1); t++) {
        state = decays.select(2, t).mul(state).add(inputs.select(2, t));
        results.push_back(torch.einsum("bdn,bn->bd", new TensorVector(state, outs.select(2, t))));
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
      Tensor sums = inputs.mul(exponents.neg().exp()).cumsum(2);
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
