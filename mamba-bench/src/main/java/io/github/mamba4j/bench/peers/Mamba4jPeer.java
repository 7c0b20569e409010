package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Mamba4J, with what its users call. */
final class Mamba4jPeer implements Peer.Transparent {
  private final Device device;
  private final MambaModel model;
  private final InferenceState state;
  private final int[] next = new int[1];

  /** Loads a file as {@link MambaModel#load} keeps it. */
  Mamba4jPeer(Path file, int threads) throws IOException {
    device = Device.open("cpu", threads);
    model = MambaModel.load(file, device);
    state = model.newState();
  }

  @Override
  public String name() {
    return "mamba4j";
  }

  MambaModel model() {
    return model;
  }

  /** Returns the kernels that compute, such as {@code vector-512}. */
  String kernels() {
    return device.kernels();
  }

  /** Returns the bytes that a token reads: those of all parameters as they are kept. */
  long weightBytes() {
    long bytes = 0;
    for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
      Tensor tensor = parameter.getValue();
      boolean untiedTable =
          !model.config().tieEmbeddings() && parameter.getKey().endsWith("embeddings.weight");
      if (!untiedTable) {
        bytes += tensor.dtype().bytes(tensor.shape().elements());
      }
    }
    return bytes;
  }

  /** Returns how the largest parameter is kept. */
  DType weightType() {
    Tensor largest = model.parameters().firstEntry().getValue();
    for (Tensor tensor : model.parameters().values()) {
      if (tensor.shape().elements() > largest.shape().elements()) {
        largest = tensor;
      }
    }
    return largest.dtype();
  }

  @Override
  public double decodeSeconds(int steps) {
    state.prefill(PublishedModel.tokens(SHORT_PROMPT));
    long start = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      next[0] = PublishedModel.token(SHORT_PROMPT + i);
      state.step(next);
      state.logits();
    }
    return (System.nanoTime() - start) * 1e-9;
  }

  @Override
  public double prefillSeconds(int length) {
    int[] prompt = PublishedModel.tokens(length);
    long start = System.nanoTime();
    state.prefill(prompt);
    state.logits();
    return (System.nanoTime() - start) * 1e-9;
  }

  @Override
  public float[] logits(int[] prompt, int[] steps) {
    try (InferenceState fresh = model.newState()) {
      fresh.prefill(prompt);
      for (int token : steps) {
        next[0] = token;
        fresh.step(next);
      }
      return PublishedModel.logits(fresh);
    }
  }

  @Override
  public void close() {
    state.close();
    model.close();
    device.close();
  }
}
