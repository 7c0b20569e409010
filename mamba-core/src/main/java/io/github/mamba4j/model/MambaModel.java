package io.github.mamba4j.model;

import io.github.mamba4j.nn.Backbone;
import io.github.mamba4j.nn.Embedding;
import io.github.mamba4j.nn.Init;
import io.github.mamba4j.nn.ParameterStore;
import io.github.mamba4j.nn.ResidualBlock;
import io.github.mamba4j.nn.RmsNorm;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.LinearOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A Mamba language model: token ids in, a distribution over the next token out.
 *
 * <p>Its parameters may be read by any number of threads, each with its own {@link InferenceState}
 * or {@link Scope}; training changes them and is for one thread. Closing the model frees them.
 *
 * <p>Architectures: Gu and Dao 2023, "Mamba: Linear-Time Sequence Modeling with Selective State
 * Spaces", and Dao and Gu 2024, "Transformers are SSMs"; parameters, defaults and initialisation of
 * state-spaces/mamba's {@code MambaLMHeadModel}.
 */
public final class MambaModel implements AutoCloseable {
  private final MambaConfig config;
  private final Device device;
  private final boolean ownsDevice;
  private final ParameterStore store;
  private final Backbone backbone;
  private final Tensor head;

  /**
   * What a forward pass gives when everything is wanted.
   *
   * @param logits [batch, length, vocab] with the padded vocabulary
   * @param residuals the residual stream after each block, [batch, length, dModel]
   * @param normed the hidden states after the last normalisation, [batch, length, dModel]
   */
  public record Outputs(Tensor logits, List<Tensor> residuals, Tensor normed) {}

  private MambaModel(MambaConfig config, Device device, boolean ownsDevice, ParameterStore store) {
    this.config = config;
    this.device = device;
    this.ownsDevice = ownsDevice;
    this.store = store;
    Embedding embedding =
        new Embedding(
            store,
            "backbone.embeddings",
            config.paddedVocabSize(),
            config.dModel(),
            Init.normal(config.initializerRange()));
    this.backbone = new Backbone(embedding, blocks(config, store), norm(store, config, "norm_f"));
    this.head =
        config.tieEmbeddings()
            ? embedding.weight()
            : store.create(
                "lm_head.weight",
                Shape.of(config.paddedVocabSize(), config.dModel()),
                Init.linear(config.dModel()));
  }

  private static List<ResidualBlock> blocks(MambaConfig config, ParameterStore store) {
    // state-spaces/mamba ends with 1/√nLayers, whatever its comments say about 1/√(2·nLayers).
    double outScale = 1 / Math.sqrt(config.nLayers());
    List<ResidualBlock> blocks = new ArrayList<>();
    for (int i = 0; i < config.nLayers(); i++) {
      RmsNorm norm = norm(store, config, "layers." + i + ".norm");
      String name = "backbone.layers." + i + ".mixer";
      blocks.add(new ResidualBlock(norm, config.mixer().create(store, name, outScale)));
    }
    return blocks;
  }

  private static RmsNorm norm(ParameterStore store, MambaConfig config, String name) {
    return new RmsNorm(store, "backbone." + name, config.dModel(), (float) config.normEps());
  }

  static MambaModel initialised(MambaConfig config, Device device, boolean ownsDevice, long seed) {
    return new MambaModel(config, device, ownsDevice, new ParameterStore(device.openScope(), seed));
  }

  static MambaModel uninitialised(MambaConfig config, Device device, boolean ownsDevice) {
    ParameterStore store = ParameterStore.uninitialised(device.openScope());
    return new MambaModel(config, device, ownsDevice, store);
  }

  /**
   * Starts a new model.
   *
   * @return a builder with upstream's defaults
   */
  public static MambaModelBuilder builder() {
    return new MambaModelBuilder();
  }

  /**
   * Loads a model on the best device of this machine. Read are, told apart by content: folders in
   * Hugging Face's layout ({@code config.json} with {@code model.safetensors} or its shards),
   * folders in state-spaces/mamba's ({@code config.json} with {@code pytorch_model.bin}), and GGUF
   * files of {@code mamba} and {@code mamba2}; weights of any floating type, widened to float32.
   *
   * @param path the folder or file
   * @return the model, to be closed by the caller
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the files are no such model; the
   *     message names file, tensor, expected and found
   * @throws IOException if they cannot be read
   */
  public static MambaModel load(Path path) throws IOException {
    return ModelReader.load(path, Device.open(), true);
  }

  /**
   * Loads a model on a device, see {@link #load(Path)}.
   *
   * @param path the folder or file
   * @param device where it is to live; stays open when the model is closed
   * @return the model, to be closed by the caller
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the files are no such model; the
   *     message names file, tensor, expected and found
   * @throws IOException if they cannot be read
   */
  public static MambaModel load(Path path, Device device) throws IOException {
    return ModelReader.load(path, device, false);
  }

  /**
   * Writes {@code config.json} and {@code model.safetensors} in Hugging Face's layout, so that
   * Python's {@code MambaForCausalLM.from_pretrained} reads them. Each file is written beside and
   * moved into place.
   *
   * @param folder the folder, made if it does not exist; other files in it stay
   * @throws IOException if they cannot be written; what was there before stays
   */
  public void save(Path folder) throws IOException {
    save(folder, SaveOptions.huggingFace());
  }

  /**
   * Writes the model in a layout of choice. Each file is written beside and moved into place.
   *
   * @param path the folder, made if it does not exist, other files in it stay; for GGUF the file
   * @param options layout and type of the weights
   * @throws IllegalArgumentException if the layout cannot express this model; the message says what
   *     it lacks
   * @throws IOException if the files cannot be written; what was there before stays
   */
  public void save(Path path, SaveOptions options) throws IOException {
    ModelWriter.save(this, path, options);
  }

  /**
   * Returns the hyper-parameters.
   *
   * @return the configuration
   */
  public MambaConfig config() {
    return config;
  }

  /**
   * Returns where the model lives.
   *
   * @return the device
   */
  public Device device() {
    return device;
  }

  /**
   * Returns all parameters by their checkpoint names.
   *
   * @return an unmodifiable view, in the order of the model
   */
  public SequencedMap<String, Tensor> parameters() {
    return store.parameters();
  }

  /**
   * Returns the number of trainable numbers. A tied head counts once, padding rows count.
   *
   * @return the count
   */
  public long parameterCount() {
    return store.count();
  }

  /**
   * Describes the model for people: shape, parameters by part, bytes, device.
   *
   * @return several lines
   */
  public String summary() {
    return ModelSummary.of(this);
  }

  /**
   * Opens a scope for forward passes without gradients.
   *
   * @return the scope, to be closed before the model
   */
  public Scope openScope() {
    return store.scope().openSeparateChild();
  }

  /**
   * Opens a scope for forward and backward passes.
   *
   * @return the scope, to be closed before the model
   */
  public Scope openGradientScope() {
    return store.scope().openGradientChild();
  }

  /**
   * Makes a tensor of token ids after checking them.
   *
   * @param scope where it is to live
   * @param shape its shape, such as [batch, length]
   * @param ids token ids in [0, padded vocabulary), row-major
   * @return the tensor
   * @throws IllegalArgumentException if an id does not exist; the message names it and its place
   */
  public Tensor ids(Scope scope, Shape shape, int... ids) {
    int rows = config.paddedVocabSize();
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= rows) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "MambaModel: token id %d at index %d does not exist, expected one in [0, %d)",
                ids[i],
                i,
                rows));
      }
    }
    return scope.ints(shape, ids);
  }

  /**
   * Computes the logits of every position.
   *
   * @param ids token ids, [batch, length]; see {@link #ids}
   * @return [batch, length, vocab] with the padded vocabulary
   */
  public Tensor forward(Tensor ids) {
    return LinearOp.apply(backbone.forward(ids, false).out(), head, null);
  }

  /**
   * Computes the logits and the hidden states of every layer.
   *
   * @param ids token ids, [batch, length]; see {@link #ids}
   * @return logits and hidden states
   */
  public Outputs forwardWithHidden(Tensor ids) {
    Backbone.Result result = backbone.forward(ids, true);
    return new Outputs(LinearOp.apply(result.out(), head, null), result.residuals(), result.out());
  }

  /**
   * Computes the normalised hidden states, the features that another head can build on.
   *
   * @param ids token ids, [batch, length]; see {@link #ids}
   * @return [batch, length, dModel]
   */
  public Tensor hidden(Tensor ids) {
    return backbone.forward(ids, false).out();
  }

  /**
   * Computes the next-token loss without ever holding the logits of all positions.
   *
   * @param ids token ids, [batch, length]; see {@link #ids}
   * @param targets the token that follows each id, or {@link CrossEntropyOp#IGNORE}, [batch,
   *     length]
   * @return the mean loss in nats over the counted positions
   */
  public CrossEntropyOp.Result loss(Tensor ids, Tensor targets) {
    return CrossEntropyOp.linear(backbone.forward(ids, false).out(), head, targets);
  }

  /**
   * Computes the next-token loss of a piece of running sequences and moves their state on. The
   * means of a sequence's pieces, weighted by their counted positions, are its loss as a whole. Not
   * to be recorded: the state counts the calls.
   *
   * @param ids the sequences' next token ids, [batch, length], in a scope without gradients; see
   *     {@link #ids}
   * @param targets the token that follows each id, or {@link CrossEntropyOp#IGNORE}, [batch,
   *     length]
   * @param state the sequences so far, which have read the ids afterwards
   * @return the mean loss in nats over the counted positions
   * @throws IllegalArgumentException if the state belongs to another model or its batch is not that
   *     of the ids, or the ids' scope records gradients
   */
  public CrossEntropyOp.Result loss(Tensor ids, Tensor targets, InferenceState state) {
    if (state.model() != this) {
      throw new IllegalArgumentException("MambaModel: the state belongs to another model");
    }
    return CrossEntropyOp.linear(state.read(ids), head, targets);
  }

  /**
   * Starts sequences at their beginning.
   *
   * @param batch how many run side by side, positive
   * @return a state with no tokens, to be closed before the model
   */
  public InferenceState newState(int batch) {
    return InferenceState.fresh(this, batch);
  }

  /**
   * Starts one sequence at its beginning.
   *
   * @return a state with no tokens, to be closed before the model
   */
  public InferenceState newState() {
    return newState(1);
  }

  /**
   * Returns a hash over configuration and parameters, by which a saved state knows its model.
   *
   * @return SHA-256 in hex; every parameter is read for it
   */
  public String fingerprint() {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("MambaModel: this JVM has no SHA-256", e);
    }
    digest.update(config.toString().getBytes(StandardCharsets.UTF_8));
    for (Map.Entry<String, Tensor> entry : store.parameters().entrySet()) {
      digest.update(entry.getKey().getBytes(StandardCharsets.UTF_8));
      try (Arena arena = Arena.ofConfined()) {
        Tensor tensor = entry.getValue();
        MemorySegment bytes = arena.allocate(tensor.shape().elements() * Float.BYTES);
        tensor.read(bytes);
        digest.update(bytes.asByteBuffer());
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  Backbone backbone() {
    return backbone;
  }

  /** Computes the logits of single hidden rows over the tokens that exist. */
  Tensor logits(Tensor hidden) {
    return LinearOp.apply(hidden, head, null).narrow(0, config.vocabSize());
  }

  /** Frees the parameters, and the device if the model opened it. */
  @Override
  public void close() {
    store.scope().close();
    if (ownsDevice) {
      device.close();
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "Mamba-1, %d layers of %d, %,d parameters, on %s",
        config.nLayers(),
        config.dModel(),
        parameterCount(),
        device.describe());
  }
}
