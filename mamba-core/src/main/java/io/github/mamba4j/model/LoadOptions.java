package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Device;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How {@link MambaModel#load(java.nio.file.Path, LoadOptions)} reads a model. */
public final class LoadOptions {
  private static final LoadOptions DEFAULTS = new LoadOptions(Precision.STORED, null);

  private final Precision precision;
  private final @Nullable Device device;

  private LoadOptions(Precision precision, @Nullable Device device) {
    this.precision = precision;
    this.device = device;
  }

  /**
   * Weights as they are stored, mapped where possible ({@link Precision#STORED}), on the best
   * device of this machine, which the model closes.
   *
   * @return the options
   */
  public static LoadOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Sets how the large matrices are kept. {@link Precision#F32} is needed to train the model.
   *
   * @param value the precision
   * @return options with this precision
   */
  public LoadOptions precision(Precision value) {
    return new LoadOptions(Objects.requireNonNull(value), device);
  }

  /**
   * Sets where the model is to live.
   *
   * @param value the device; it stays open when the model is closed
   * @return options with this device
   */
  public LoadOptions device(Device value) {
    return new LoadOptions(precision, Objects.requireNonNull(value));
  }

  Precision precision() {
    return precision;
  }

  @Nullable Device device() {
    return device;
  }
}
