package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.StoredType;
import java.util.Objects;
import java.util.function.Consumer;

/** In which form {@link MambaModel#save(java.nio.file.Path, SaveOptions)} writes a model. */
public final class SaveOptions {
  enum Layout {
    HUGGING_FACE,
    ORIGINAL,
    GGUF
  }

  private final Layout layout;
  private final StoredType weights;
  private final Consumer<GgufWriter> metadata;

  private SaveOptions(Layout layout, StoredType weights, Consumer<GgufWriter> metadata) {
    this.layout = layout;
    this.weights = weights;
    this.metadata = metadata;
  }

  /**
   * A folder with {@code config.json} and {@code model.safetensors}, as Hugging Face's {@code
   * MambaForCausalLM} and {@code Mamba2ForCausalLM} read it; float32.
   *
   * @return the options
   */
  public static SaveOptions huggingFace() {
    return new SaveOptions(Layout.HUGGING_FACE, StoredType.F32, _ -> {});
  }

  /**
   * A folder with {@code config.json} and {@code pytorch_model.bin}, as state-spaces/mamba's {@code
   * MambaLMHeadModel.from_pretrained} reads it; float32.
   *
   * @return the options
   */
  public static SaveOptions original() {
    return new SaveOptions(Layout.ORIGINAL, StoredType.F32, _ -> {});
  }

  /**
   * One GGUF file, as llama.cpp reads it; float32. llama.cpp also wants a vocabulary: see {@link
   * #metadata}.
   *
   * @return the options
   */
  public static SaveOptions gguf() {
    return new SaveOptions(Layout.GGUF, StoredType.F32, _ -> {});
  }

  /**
   * Sets how the large matrices are stored: the embeddings, the head and each mixer's input and
   * output projection. Everything else, which is small and sensitive, stays float32.
   *
   * @param type F32, F16 or BF16; GGUF takes Q8_0, too
   * @return options with this type
   * @throws IllegalArgumentException if the layout has no such type
   */
  public SaveOptions weights(StoredType type) {
    boolean writable =
        switch (type) {
          case F32, F16, BF16 -> true;
          case Q8_0 -> layout == Layout.GGUF;
          default -> false;
        };
    if (!writable) {
      throw new IllegalArgumentException(
          "SaveOptions: weights cannot be "
              + type
              + ", expected F32, F16 or BF16"
              + (layout == Layout.GGUF ? " or Q8_0" : ""));
    }
    return new SaveOptions(layout, type, metadata);
  }

  /**
   * Adds metadata to a GGUF file, such as the vocabulary.
   *
   * @param add called with the writer after the model's own values are in it
   * @return options with this addition
   * @throws IllegalArgumentException if the layout is not GGUF
   */
  public SaveOptions metadata(Consumer<GgufWriter> add) {
    if (layout != Layout.GGUF) {
      throw new IllegalArgumentException("SaveOptions: only GGUF files have such metadata");
    }
    Objects.requireNonNull(add);
    return new SaveOptions(layout, weights, metadata.andThen(add));
  }

  Layout layout() {
    return layout;
  }

  StoredType weights() {
    return weights;
  }

  Consumer<GgufWriter> metadata() {
    return metadata;
  }
}
