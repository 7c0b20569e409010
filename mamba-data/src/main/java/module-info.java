/** Text for Mamba models: tokenizers, corpus loaders and training windows. */
module io.github.mamba4j.data {
  requires transitive io.github.mamba4j.core;
  requires static org.jspecify;
  requires de.siegmar.fastcsv;
}
