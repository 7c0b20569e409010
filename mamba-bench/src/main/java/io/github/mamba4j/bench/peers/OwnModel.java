package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.bench.peers.ModelCell.Task;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaConfig;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;

/** Mamba4J with a model, with what its users call. */
final class OwnModel implements Contestant {
  private final Setting setting;

  OwnModel(Setting setting) {
    this.setting = setting;
  }

  @Override
  public Map<String, Object> describe() {
    return OwnCpu.describe();
  }

  @Override
  public Trial prepare(String name) throws IOException {
    ModelCell cell = ModelCell.parse(name);
    Path file = cell.file(setting.files());
    return cell.task() == Task.START
        ? new ModelTrial.Start<>(() -> load(cell, file))
        : load(cell, file);
  }

  private Running load(ModelCell cell, Path file) {
    try {
      return new Running(cell, file, setting.threads());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {}

  private static final class Running extends ModelTrial {
    private final ModelCell cell;
    private final Device device;
    private final MambaModel model;
    private final InferenceState state;
    private final int[] next = new int[1];

    /** Loads a file as {@link MambaModel#load} keeps it. */
    Running(ModelCell cell, Path file, int threads) throws IOException {
      super(cell);
      this.cell = cell;
      device = Device.open("cpu", threads);
      model = MambaModel.load(file, device);
      state = model.newState();
    }

    @Override
    double decodeSeconds(int steps) {
      state.prefill(PublishedModel.tokens(ModelCell.SHORT_PROMPT));
      long start = System.nanoTime();
      for (int i = 0; i < steps; i++) {
        next[0] = PublishedModel.token(ModelCell.SHORT_PROMPT + i);
        state.step(next);
        state.logits();
      }
      return (System.nanoTime() - start) * 1e-9;
    }

    @Override
    double prefillSeconds(int length) {
      int[] prompt = PublishedModel.tokens(length);
      long start = System.nanoTime();
      state.prefill(prompt);
      state.logits();
      return (System.nanoTime() - start) * 1e-9;
    }

    @Override
    float[] logits(int[] prompt, int[] steps) {
      state.prefill(prompt);
      for (int token : steps) {
        next[0] = token;
        state.step(next);
      }
      return PublishedModel.logits(state);
    }

    @Override
    public Map<String, Object> facts() {
      double bound =
          cell.task() == Task.DECODE
              ? (double) weightBytes() * ModelCell.STEPS
              : productFlops(model.config(), model.parameters(), ModelCell.PROMPT);
      return Map.of(
          cell.task() == Task.DECODE ? BOUND_BYTES : BOUND_FLOPS,
          bound,
          "weights",
          weightType().name(),
          "weightBytes",
          weightBytes());
    }

    /** Returns the bytes that a token reads: those of all parameters as they are kept. */
    private long weightBytes() {
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
    private DType weightType() {
      Tensor largest = model.parameters().firstEntry().getValue();
      for (Tensor tensor : model.parameters().values()) {
        if (tensor.shape().elements() > largest.shape().elements()) {
          largest = tensor;
        }
      }
      return largest.dtype();
    }

    @Override
    public void close() {
      state.close();
      model.close();
      device.close();
    }
  }

  /** Returns the operations of all products that a prompt needs, the head's for one token. */
  static double productFlops(MambaConfig config, Map<String, Tensor> parameters, int length) {
    double flops = 2.0 * config.paddedVocabSize() * config.dModel();
    for (Map.Entry<String, Tensor> parameter : parameters.entrySet()) {
      if (parameter.getKey().endsWith("_proj.weight")) {
        flops += 2.0 * parameter.getValue().shape().elements() * length;
      }
    }
    return flops;
  }
}
