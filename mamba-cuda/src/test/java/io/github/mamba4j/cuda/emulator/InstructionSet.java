package io.github.mamba4j.cuda.emulator;

import java.util.HashMap;
import java.util.Map;

/** All instructions that are known, by the first part of their names. */
final class InstructionSet {
  /** Decodes the instructions of a name. */
  interface Decoder {
    Instruction decode(Site site);
  }

  private static final Map<String, Decoder> DECODERS = new HashMap<>();

  static {
    Arithmetic.addTo(DECODERS);
    Bits.addTo(DECODERS);
    Comparisons.addTo(DECODERS);
    Moves.addTo(DECODERS);
    Conversions.addTo(DECODERS);
    MemoryOps.addTo(DECODERS);
    BulkCopies.addTo(DECODERS);
    Atomics.addTo(DECODERS);
    Control.addTo(DECODERS);
    WarpOps.addTo(DECODERS);
    TensorOps.addTo(DECODERS);
  }

  private InstructionSet() {}

  static Instruction decode(Site site) {
    Decoder decoder = DECODERS.get(site.op);
    if (decoder == null) {
      throw site.error("the emulator does not know this instruction");
    }
    return decoder.decode(site);
  }
}
