package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.TensorEntry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * What a checkpoint says about a model: its configuration, and where and in which form it keeps
 * each parameter. Parameters have the names of Hugging Face's {@code MambaForCausalLM}.
 */
abstract sealed class CheckpointLayout permits StateDictLayout, GgufLayout {
  static final String EMBEDDING = "backbone.embeddings.weight";
  static final String HEAD = "lm_head.weight";

  private final CheckpointFile file;
  private final Map<String, TensorEntry> entries;

  /**
   * Keeps what was found.
   *
   * @param file the open checkpoint
   * @param entries its tensors by parameter; those of unknown names keep them
   */
  CheckpointLayout(CheckpointFile file, Map<String, TensorEntry> entries) {
    this.file = file;
    this.entries = entries;
  }

  static CheckpointLayout of(CheckpointFile file) throws CheckpointException {
    return file instanceof GgufFile gguf ? GgufLayout.of(gguf) : StateDictLayout.of(file);
  }

  /** Reads the configuration. */
  abstract MambaConfig config() throws IOException;

  /** Returns the shape in which a parameter is stored. */
  abstract List<Long> storedShape(String parameter, List<Long> shape);

  /** What may be done with a parameter's numbers. */
  enum Kind {
    /** A large matrix: may be mapped or kept in fewer bits; every layout has it as it is. */
    MATRIX,
    /** Mamba-1's way to Δ, B and C: may be mapped but not rounded; in every layout as it is. */
    PROJECTION,
    /** Small, and some layout may transform it: copied as float32. */
    SMALL
  }

  /** Returns the kind of a parameter. */
  static Kind kind(String parameter) {
    if (parameter.equals(EMBEDDING)
        || parameter.equals(HEAD)
        || parameter.endsWith(".in_proj.weight")
        || parameter.endsWith(".out_proj.weight")) {
      return Kind.MATRIX;
    }
    boolean projection =
        parameter.endsWith(".x_proj.weight") || parameter.endsWith(".dt_proj.weight");
    return projection ? Kind.PROJECTION : Kind.SMALL;
  }

  /** Turns stored numbers, or some of them, into the parameter's, in place. */
  abstract void decode(String parameter, MemorySegment floats);

  final CheckpointFile file() {
    return file;
  }

  final Map<String, TensorEntry> entries() {
    return entries;
  }

  /** Returns the number of rows of the embedding table. */
  final int rows() throws CheckpointException {
    TensorEntry embedding = entries.get(EMBEDDING);
    if (embedding == null) {
      throw new CheckpointException(file.path() + ": tensor " + EMBEDDING + " is missing");
    }
    if (embedding.shape().size() != 2 || embedding.shape().getFirst() > Integer.MAX_VALUE) {
      throw new CheckpointException(
          file.path()
              + ": tensor "
              + embedding.name()
              + " has shape "
              + embedding.shape()
              + ", expected [vocabulary, dModel]");
    }
    return embedding.shape().getFirst().intValue();
  }

  final boolean hasHead() {
    return entries.containsKey(HEAD);
  }
}
