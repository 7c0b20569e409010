package io.github.mamba4j.cuda.emulator;

/** The formats of 16 bits. */
enum Format {
  F16 {
    @Override
    float unpack(long bits) {
      return Floats.f16(bits);
    }

    @Override
    long pack(float value) {
      return Floats.toF16(value);
    }

    @Override
    long cut(float value) {
      return Floats.cutToF16(value);
    }
  },
  BF16 {
    @Override
    float unpack(long bits) {
      return Floats.bf16(bits);
    }

    @Override
    long pack(float value) {
      return Floats.toBf16(value);
    }

    @Override
    long cut(float value) {
      return Floats.cutToBf16(value);
    }
  };

  abstract float unpack(long bits);

  /** Rounds to nearest even. */
  abstract long pack(float value);

  /** Rounds towards zero. */
  abstract long cut(float value);

  static Format of(Site site, Type type) {
    return switch (type) {
      case F16, F16X2 -> F16;
      case BF16, BF16X2 -> BF16;
      default -> throw site.error("does not take this type");
    };
  }
}
