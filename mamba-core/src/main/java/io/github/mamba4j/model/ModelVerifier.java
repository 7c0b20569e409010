package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Compares a model with what another implementation computed from the same weights.
 *
 * <p>The file is safetensors with {@code input_ids} [batch, length] and any of:
 *
 * <ul>
 *   <li>{@code logits} [batch, length, vocab];
 *   <li>{@code hidden.i}, the residual stream after block i (from 0), [batch, length, dModel];
 *       {@code hidden.nLayers} is the stream after the last normalisation;
 *   <li>{@code loss}, the mean next-token cross-entropy over batch · (length − 1) predictions;
 *   <li>{@code grad.NAME}, the gradient of that loss for the parameter NAME;
 *   <li>{@code greedy_ids} [1, n], the first five tokens of row 0 continued by the most probable
 *       tokens.
 * </ul>
 */
public final class ModelVerifier {
  private static final String IDS = "input_ids";
  private static final int PROMPT = 5;

  /**
   * How far one tensor is off.
   *
   * @param name its name in the file
   * @param elements how many numbers were compared
   * @param maxAbsolute largest absolute difference
   * @param maxRelative largest absolute difference over the largest expected absolute value; for
   *     token ids the share that differs
   */
  public record Difference(String name, long elements, double maxAbsolute, double maxRelative) {
    /**
     * Returns whether this is close enough.
     *
     * @param tolerance largest accepted relative difference
     * @return true if it is; never for a result that is not a number
     */
    public boolean within(double tolerance) {
      return maxRelative <= tolerance;
    }
  }

  private final MambaModel model;
  private final SafetensorsFile file;
  private final List<Difference> differences = new ArrayList<>();

  private ModelVerifier(MambaModel model, SafetensorsFile file) {
    this.model = model;
    this.file = file;
  }

  /**
   * Runs the model on the file's tokens and compares everything that the file holds.
   *
   * @param model the model; its gradients are overwritten. To compare gradients it has to be loaded
   *     with {@link Precision#F32}, unless its file is float32
   * @param expected the file
   * @return one line for each tensor compared, in the file's order
   * @throws CheckpointException if the file has no {@code input_ids}, a tensor of another shape, a
   *     name that is not known, or nothing to compare
   * @throws IllegalArgumentException if the file holds the gradient of a parameter that the model
   *     keeps in fewer bits
   * @throws IOException if it cannot be read
   */
  public static List<Difference> compare(MambaModel model, Path expected) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(expected)) {
      return new ModelVerifier(model, file).run();
    }
  }

  private List<Difference> run() throws CheckpointException {
    TensorEntry ids = file.require(IDS);
    if (ids.shape().size() != 2 || ids.shape().get(1) < 2) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: %s has shape %s, expected [batch, length] of at least two tokens",
              file.path(),
              IDS,
              ids.shape()));
    }
    int batch = Math.toIntExact(ids.shape().get(0));
    int length = Math.toIntExact(ids.shape().get(1));
    int[] tokens = ids.toIntArray();
    for (Tensor parameter : model.parameters().values()) {
      if (parameter.requiresGrad()) {
        parameter.zeroGrad();
      }
    }
    try (Scope scope = model.openGradientScope()) {
      Tensor input = model.ids(scope, Shape.of(batch, length), tokens);
      MambaModel.Outputs outputs = model.forwardWithHidden(input);
      CrossEntropyOp.Result loss =
          CrossEntropyOp.apply(
              outputs.logits(), scope.ints(Shape.of(batch, length), shifted(tokens, length)));
      loss.mean().backward();
      for (TensorEntry entry : file.entries()) {
        compare(entry, outputs, loss.mean(), tokens);
      }
    }
    if (differences.isEmpty()) {
      throw new CheckpointException(
          file.path() + ": holds nothing to compare beside " + IDS + ", such as logits");
    }
    return differences;
  }

  /** The token that follows each token; none at the end of a row. */
  static int[] shifted(int[] tokens, int length) {
    int[] targets = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      targets[i] = i % length == length - 1 ? CrossEntropyOp.IGNORE : tokens[i + 1];
    }
    return targets;
  }

  private void compare(TensorEntry entry, MambaModel.Outputs outputs, Tensor loss, int[] tokens)
      throws CheckpointException {
    String name = entry.name();
    if (name.equals(IDS)) {
      return;
    }
    if (name.equals("greedy_ids")) {
      compareGreedy(entry, tokens);
    } else if (name.equals("logits")) {
      compareFloats(entry, outputs.logits());
    } else if (name.equals("loss")) {
      compareFloats(entry, loss);
    } else if (name.startsWith("hidden.")) {
      compareFloats(entry, hidden(name, outputs));
    } else if (name.startsWith("grad.")) {
      compareFloats(entry, gradient(name.substring("grad.".length())));
    } else {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor %s is not known, expected logits, loss, hidden.i, grad.NAME or"
                  + " greedy_ids",
              file.path(),
              name));
    }
  }

  private Tensor hidden(String name, MambaModel.Outputs outputs) throws CheckpointException {
    int layers = model.config().nLayers();
    try {
      int index = Integer.parseInt(name.substring("hidden.".length()));
      if (index == layers) {
        return outputs.normed();
      }
      if (index >= 0 && index < layers) {
        return outputs.residuals().get(index);
      }
    } catch (NumberFormatException e) {
      throw new CheckpointException(file.path() + ": tensor " + name + " has no number", e);
    }
    throw new CheckpointException(
        String.format(
            Locale.ROOT,
            "%s: tensor %s is beyond the model's %d layers",
            file.path(),
            name,
            layers));
  }

  private Tensor gradient(String parameter) throws CheckpointException {
    Map<String, Tensor> parameters = model.parameters();
    Tensor tensor = parameters.get(parameter);
    if (tensor == null) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor grad.%s names no parameter of the model",
              file.path(),
              parameter));
    }
    if (!tensor.requiresGrad()) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "ModelVerifier: model keeps %s as %s, which has no gradient for %s; load it with"
                  + " LoadOptions.defaults().precision(Precision.F32)",
              parameter,
              tensor.dtype(),
              file.path()));
    }
    return tensor
        .grad()
        .orElseThrow(() -> new IllegalStateException("ModelVerifier: no gradient of " + parameter));
  }

  private void compareFloats(TensorEntry entry, Tensor actual) throws CheckpointException {
    if (entry.elementCount() != actual.shape().elements()) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor %s has shape %s, expected %s",
              file.path(),
              entry.name(),
              entry.shape(),
              actual.shape()));
    }
    float[] expected = entry.toFloatArray();
    float[] found = actual.toFloats();
    double worst = 0;
    double largest = 0;
    for (int i = 0; i < expected.length; i++) {
      double off = Math.abs((double) found[i] - expected[i]);
      worst = Double.isNaN(off) ? Double.NaN : Math.max(worst, off);
      largest = Math.max(largest, Math.abs(expected[i]));
    }
    double relative = worst == 0 ? 0 : worst / largest;
    differences.add(new Difference(entry.name(), expected.length, worst, relative));
  }

  private void compareGreedy(TensorEntry entry, int[] tokens) throws CheckpointException {
    int[] expected = entry.toIntArray();
    int wrong = 0;
    try (InferenceState state = model.newState()) {
      int given = Math.min(PROMPT, expected.length);
      int[] prompt = new int[given];
      System.arraycopy(tokens, 0, prompt, 0, Math.min(given, tokens.length));
      state.prefill(prompt);
      for (int i = 0; i < expected.length; i++) {
        int token = i < given ? prompt[i] : argmax(state.logits(), model.config().vocabSize());
        wrong += token == expected[i] ? 0 : 1;
        if (i >= given) {
          state.step(token);
        }
      }
    }
    differences.add(
        new Difference(entry.name(), expected.length, wrong, (double) wrong / expected.length));
  }

  private static int argmax(MemorySegment logits, int vocab) {
    int best = 0;
    for (int i = 1; i < vocab; i++) {
      if (logits.getAtIndex(ValueLayout.JAVA_FLOAT, i)
          > logits.getAtIndex(ValueLayout.JAVA_FLOAT, best)) {
        best = i;
      }
    }
    return best;
  }
}
