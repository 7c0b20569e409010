package io.github.mamba4j.model;

import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.MixerConfig;

/** The kinds of Mamba. */
public enum Architecture {
  /** Gu and Dao 2023: a decay for every channel and state. */
  MAMBA1("Mamba-1"),
  /** Dao and Gu 2024: a decay for every head, and states that are larger for it. */
  MAMBA2("Mamba-2");

  private final String label;

  Architecture(String label) {
    this.label = label;
  }

  static Architecture of(MixerConfig mixer) {
    return switch (mixer) {
      case Mamba1Mixer.Config _ -> MAMBA1;
      case Mamba2Mixer.Config _ -> MAMBA2;
    };
  }

  /**
   * Returns the name that people use.
   *
   * @return such as {@code Mamba-1}
   */
  @Override
  public String toString() {
    return label;
  }
}
