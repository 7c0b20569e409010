package io.github.mamba4j.cuda.emulator;

/** PTX's state spaces. */
enum Space {
  PARAM,
  GLOBAL,
  SHARED,
  GENERIC
}
