/** Text for Mamba models: tokenizers, corpus loaders and training windows. */
module io.github.mamba4j.data {
  requires transitive io.github.mamba4j.core;
  requires static org.jspecify;
  requires de.siegmar.fastcsv;

  exports io.github.mamba4j.data;
  exports io.github.mamba4j.data.corpus;
  exports io.github.mamba4j.data.tokenizer;
  exports io.github.mamba4j.data.tokens;
}
