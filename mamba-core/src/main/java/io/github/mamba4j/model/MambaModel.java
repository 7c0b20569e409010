package io.github.mamba4j.model;

import io.github.mamba4j.nn.Backbone;
import io.github.mamba4j.nn.Embedding;
import io.github.mamba4j.nn.Init;
import io.github.mamba4j.nn.ParameterStore;
import io.github.mamba4j.nn.ResidualBlock;
import io.github.mamba4j.nn.RmsNorm;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.LinearOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

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
  private final Precision precision;
  private final @Nullable MappedWeights mapped;
  private final Backbone backbone;
  private final Tensor head;
  private final ModelFingerprint fingerprint;

  /**
   * What a forward pass gives when everything is wanted.
   *
   * @param logits [batch, length, vocab] with the padded vocabulary
   * @param residuals the residual stream after each block, [batch, length, dModel]
   * @param normed the hidden states after the last normalisation, [batch, length, dModel]
   */
  public record Outputs(Tensor logits, List<Tensor> residuals, Tensor normed) {}

  /**
   * Makes a model whose parameters the store makes.
   *
   * @param config the hyper-parameters
   * @param device where it lives
   * @param ownsDevice true if the device is closed with it
   * @param store an empty store, whose scope is closed with it
   * @param precision how the large matrices were asked to be kept
   * @param mapped the file that parameters lie in, closed with it; null if there is none
   */
  MambaModel(
      MambaConfig config,
      Device device,
      boolean ownsDevice,
      ParameterStore store,
      Precision precision,
      @Nullable MappedWeights mapped) {
    this.config = config;
    this.device = device;
    this.ownsDevice = ownsDevice;
    this.store = store;
    this.precision = precision;
    this.mapped = mapped;
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
    this.fingerprint = new ModelFingerprint(config, store.parameters());
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
    ParameterStore store = new ParameterStore(device.openScope(), seed);
    return new MambaModel(config, device, ownsDevice, store, Precision.F32, null);
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
   * Loads a model on the best device of this machine, with its large matrices mapped from the file:
   * see {@link #load(Path, LoadOptions)} and {@link Precision#STORED}. To train it, load it with
   * {@link Precision#F32}.
   *
   * @param path the folder or file
   * @return the model, to be closed by the caller
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the files are no such model; the
   *     message names file, tensor, expected and found
   * @throws IOException if they cannot be read
   */
  public static MambaModel load(Path path) throws IOException {
    return load(path, LoadOptions.defaults());
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
    return load(path, LoadOptions.defaults().device(device));
  }

  /**
   * Loads a model. Read are, told apart by content: folders in Hugging Face's layout ({@code
   * config.json} with {@code model.safetensors} or its shards), folders in state-spaces/mamba's
   * ({@code config.json} with {@code pytorch_model.bin}), and GGUF files of {@code mamba} and
   * {@code mamba2}; weights of any floating type.
   *
   * <p>Weights that are not numbers are a warning in the log; those of a mapped file are looked for
   * on a thread of its own after this returns.
   *
   * @param path the folder or file
   * @param options how its weights are kept, and where
   * @return the model, to be closed by the caller
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the files are no such model; the
   *     message names file, tensor, expected and found
   * @throws IOException if they cannot be read
   */
  public static MambaModel load(Path path, LoadOptions options) throws IOException {
    return ModelReader.load(path, options);
  }

  /**
   * Copies this model for inference, with its large matrices kept in another precision: to measure
   * what 8 bits lose, or to sample from a model in training. The copy is in memory of its own.
   *
   * @param precision how they are kept; {@link Precision#STORED} as they are kept here
   * @return the copy, to be closed by the caller before the device
   */
  public MambaModel withPrecision(Precision precision) {
    return ModelCopy.of(this, precision);
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
   * Returns whether all parameters are float32 in memory of this model's own, so that they can be
   * changed. Gradients flow through every model, to those parameters that are float32.
   *
   * @return false if weights are mapped from a file or kept in fewer bits
   */
  public boolean isTrainable() {
    return parameters().values().stream()
        .allMatch(tensor -> tensor.requiresGrad() && !tensor.isReadOnly());
  }

  /**
   * Returns the number of parameters. A tied head counts once, padding rows count.
   *
   * @return the count
   */
  public long parameterCount() {
    return store.count();
  }

  /**
   * Describes the model for people: shape, parameters by part, how weights are kept, bytes, device.
   *
   * @return several lines
   */
  public String summary() {
    return ModelSummary.of(this);
  }

  /**
   * Describes how the weights are kept: types, bytes, and whether they are mapped from a file.
   *
   * @return one line
   */
  public String describeWeights() {
    return ModelSummary.weights(this);
  }

  /**
   * Opens a scope for forward passes without gradients. Activations are of the type of the weights
   * if that is BF16 and the device computes in it, else F32.
   *
   * @return the scope, to be closed before the model
   */
  public Scope openScope() {
    boolean half = head.dtype() == DType.BF16 && device.computesIn(DType.BF16);
    return store.scope().openSeparateChild(half ? DType.BF16 : DType.F32);
  }

  /**
   * Opens a scope for steps of few tokens. Their activations are F32: to read the weights is what
   * such a step costs, and those that are kept in F32 need no rounding.
   */
  Scope openStepScope() {
    return store.scope().openSeparateChild(DType.F32);
  }

  /**
   * Opens a scope for forward and backward passes.
   *
   * @return the scope, to be closed before the model
   */
  public Scope openGradientScope() {
    return openGradientScope(DType.F32);
  }

  /**
   * Opens a scope for forward and backward passes whose activations have a type; see {@link
   * Scope#activations}.
   *
   * @param activations {@link DType#F32}, or a type that the device computes in
   * @return the scope, to be closed before the model
   * @throws IllegalArgumentException if the device does not compute in that type
   */
  public Scope openGradientScope(DType activations) {
    return store.scope().openGradientChild(activations);
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
    return logitsOf(backbone.forward(ids, false).out());
  }

  /**
   * Computes the logits and the hidden states of every layer.
   *
   * @param ids token ids, [batch, length]; see {@link #ids}
   * @return logits and hidden states
   */
  public Outputs forwardWithHidden(Tensor ids) {
    Backbone.Result result = backbone.forward(ids, true);
    return new Outputs(logitsOf(result.out()), result.residuals(), result.out());
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
   * means of a sequence's pieces, weighted by their counted positions, are its loss as a whole.
   *
   * <p>In a scope that records gradients this is truncated back-propagation through time: the state
   * before the piece counts as a constant, so that gradients reach back to the piece's beginning
   * and memory is that of one piece. The state has moved on already when {@code backward()} runs.
   * Recorded together with it, a repetition moves the state on, but does not count its position;
   * without gradients this is not to be recorded.
   *
   * {@snippet :
   * try (InferenceState state = model.newState(batch); Scope scope = model.openGradientScope()) {
   *   for (int piece = 0; piece < pieces; piece++) {
   *     scope.reset();
   *     Tensor ids = model.ids(scope, Shape.of(batch, length), inputs[piece]);
   *     Tensor next = scope.ints(Shape.of(batch, length), targets[piece]);
   *     model.loss(ids, next, state).mean().backward(1f / pieces); // parameters' gradients add up
   *   }
   * }
   * }
   *
   * @param ids the sequences' next token ids, [batch, length]; see {@link #ids}
   * @param targets the token that follows each id, or {@link CrossEntropyOp#IGNORE}, [batch,
   *     length]
   * @param state the sequences so far, which have read the ids afterwards
   * @return the mean loss in nats over the counted positions
   * @throws IllegalArgumentException if the state belongs to another model or its batch is not that
   *     of the ids
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
   * Returns a hash over configuration and parameters as they are kept, by which a saved state knows
   * its model; a model loaded in another precision is another one. It is kept until a parameter is
   * written to; a model that is being trained computes it each time.
   *
   * @return SHA-256 in hex; every parameter is read for it if it is not known
   */
  public String fingerprint() {
    return fingerprint.get();
  }

  /**
   * Checks that tokens exist.
   *
   * @param tokens token ids
   * @throws IllegalArgumentException if one is not in [0, vocabulary); the message names it and its
   *     place
   */
  public void requireTokens(int... tokens) {
    for (int i = 0; i < tokens.length; i++) {
      requireToken(tokens[i], i);
    }
  }

  void requireToken(int token, long index) {
    int vocab = config.vocabSize();
    if (token < 0 || token >= vocab) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "MambaModel: token id %d at index %d does not exist, expected one in [0, %d)",
              token,
              index,
              vocab));
    }
  }

  /** Returns how the large matrices were asked to be kept. */
  Precision precision() {
    return precision;
  }

  /** Waits until the weights of a mapped file were looked through. */
  void awaitWeightCheck() {
    if (mapped != null) {
      mapped.awaitCheck();
    }
  }

  Backbone backbone() {
    return backbone;
  }

  /** Computes the logits of single hidden rows over the tokens that exist, [rows, vocabulary]. */
  void logits(Tensor hidden, Tensor out) {
    LinearOp.write(hidden, head.slice(0, config.vocabSize()), out);
  }

  private Tensor logitsOf(Tensor hidden) {
    return LinearOp.apply(hidden, head, null, DType.F32);
  }

  /** Frees the parameters, unmaps their file, and closes the device if the model opened it. */
  @Override
  public void close() {
    if (mapped != null) {
      mapped.stopCheck();
    }
    try {
      store.scope().close();
      if (ownsDevice) {
        device.close();
      }
    } finally {
      if (mapped != null) {
        mapped.close();
      }
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s, %d layers of %d, %,d parameters, on %s",
        Architecture.of(config.mixer()),
        config.nLayers(),
        config.dModel(),
        parameterCount(),
        device.describe());
  }
}
