package io.github.mamba4j.generate;

/** Why a generation ended. */
public enum FinishReason {
  /** As many tokens were made as were asked for. */
  MAX_TOKENS,
  /** A stop token came up. */
  STOP_TOKEN,
  /** The text contained a stop string. */
  STOP_STRING,
  /** The caller closed the stream or cancelled the subscription. */
  CANCELLED
}
