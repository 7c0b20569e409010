package io.github.mamba4j.nn;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/**
 * The named parameters of a model.
 *
 * <p>Each parameter draws from random numbers of its own, made from the seed and its name, so its
 * values do not depend on what else the model has or in which order it was built.
 */
public final class ParameterStore {
  private static final RandomGeneratorFactory<RandomGenerator> RANDOM =
      RandomGeneratorFactory.of("L64X128MixRandom");

  /** Makes parameters that have their values from elsewhere, such as a checkpoint. */
  @FunctionalInterface
  public interface Source {
    /**
     * Makes a parameter. Matrices of linear layers and embeddings may be of any floating type and
     * read-only; everything else is {@link io.github.mamba4j.spi.DType#F32}.
     *
     * @param name its checkpoint key
     * @param shape its shape
     * @return a tensor of this shape in the store's scope
     */
    Tensor make(String name, Shape shape);
  }

  private final Scope scope;
  private final long seed;
  private final @Nullable Source source;
  private final LinkedHashMap<String, Tensor> parameters = new LinkedHashMap<>();

  /**
   * Makes an empty store.
   *
   * @param scope owner of the parameters
   * @param seed of their random numbers
   */
  public ParameterStore(Scope scope, long seed) {
    this(scope, seed, null);
  }

  private ParameterStore(Scope scope, long seed, @Nullable Source source) {
    this.scope = scope;
    this.seed = seed;
    this.source = source;
  }

  /**
   * Makes an empty store whose parameters are not initialised but come from elsewhere.
   *
   * @param scope owner of the parameters
   * @param source what makes them
   * @return the store
   */
  public static ParameterStore from(Scope scope, Source source) {
    return new ParameterStore(scope, 0, source);
  }

  /**
   * Makes a parameter and initialises it, unless this store has another source.
   *
   * @param name its checkpoint key, such as {@code backbone.layers.0.mixer.A_log}
   * @param shape its shape
   * @param init its first values
   * @return the parameter; it requires a gradient if it is kept as float32
   * @throws IllegalStateException if the name is taken
   */
  public Tensor create(String name, Shape shape, Init init) {
    if (parameters.containsKey(name)) {
      throw new IllegalStateException("ParameterStore: there is a parameter " + name + " already");
    }
    Tensor tensor;
    if (source == null) {
      tensor = scope.empty(shape);
      fill(tensor, name, init);
    } else {
      tensor = source.make(name, shape);
    }
    if (tensor.dtype() == DType.F32) {
      tensor.requireGrad();
    }
    parameters.put(name, tensor);
    return tensor;
  }

  private void fill(Tensor tensor, String name, Init init) {
    RandomGenerator random = RANDOM.create(mix(seed, name));
    long count = tensor.shape().elements();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment values = arena.allocate(count * Float.BYTES, Float.BYTES);
      for (long i = 0; i < count; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, init.value(i, random));
      }
      tensor.write(values);
    }
  }

  /** FNV-1a over the name, started from the seed. */
  private static long mix(long seed, String name) {
    long hash = 0xcbf29ce484222325L ^ seed;
    for (int i = 0; i < name.length(); i++) {
      hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }

  /**
   * Returns the scope that owns the parameters.
   *
   * @return the scope
   */
  public Scope scope() {
    return scope;
  }

  /**
   * Returns all parameters by name, in the order of their creation.
   *
   * @return an unmodifiable view
   */
  public SequencedMap<String, Tensor> parameters() {
    return Collections.unmodifiableSequencedMap(parameters);
  }

  /**
   * Returns the number of elements of all parameters.
   *
   * @return the count
   */
  public long count() {
    return parameters.values().stream().mapToLong(t -> t.shape().elements()).sum();
  }

  @Override
  public String toString() {
    return parameters.size() + " tensors, " + count() + " parameters";
  }
}
