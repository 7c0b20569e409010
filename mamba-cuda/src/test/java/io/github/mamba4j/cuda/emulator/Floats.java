package io.github.mamba4j.cuda.emulator;

/** Bits of floating-point numbers, and roundings between their formats. */
final class Floats {
  private static final long NAN_32 = 0x7FFF_FFFFL;
  private static final int NAN_16 = 0x7FFF;

  private Floats() {}

  static float f32(long bits) {
    return Float.intBitsToFloat((int) bits);
  }

  static double f64(long bits) {
    return Double.longBitsToDouble(bits);
  }

  /** Returns a float's bits; there is one NaN, as on the GPU. */
  static long bits(float value) {
    return Float.isNaN(value) ? NAN_32 : Float.floatToRawIntBits(value) & 0xFFFF_FFFFL;
  }

  static long bits(double value) {
    return Double.doubleToLongBits(value);
  }

  static float bf16(long bits) {
    return Float.intBitsToFloat((int) bits << 16);
  }

  /** Returns a float rounded to bf16, to nearest even. */
  static long toBf16(float value) {
    if (Float.isNaN(value)) {
      return NAN_16;
    }
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7FFF + (bits >>> 16 & 1);
    return rounded >>> 16 & 0xFFFFL;
  }

  /** Returns a float cut to bf16, towards zero. */
  static long cutToBf16(float value) {
    return Float.isNaN(value) ? NAN_16 : Float.floatToRawIntBits(value) >>> 16 & 0xFFFF;
  }

  static float f16(long bits) {
    return Float.float16ToFloat((short) bits);
  }

  /** Returns a float rounded to f16, to nearest even. */
  static long toF16(float value) {
    return Float.isNaN(value) ? NAN_16 : Float.floatToFloat16(value) & 0xFFFFL;
  }

  /** Returns a float cut to f16, towards zero. */
  static long cutToF16(float value) {
    long nearest = toF16(value);
    boolean away = Math.abs(f16(nearest)) > Math.abs(value);
    return away ? nearest - 1 : nearest;
  }

  /** Returns a float cut to the 10 bits of mantissa that tf32 has. */
  static float tf32(long bits) {
    return Float.intBitsToFloat((int) bits & 0xFFFF_E000);
  }

  /** Returns a float's bits rounded to tf32, to nearest, halves away from zero. */
  static long toTf32(float value) {
    if (Float.isNaN(value)) {
      return NAN_32;
    }
    int bits = Float.floatToRawIntBits(value);
    boolean finite = Math.abs(value) <= Float.MAX_VALUE;
    return (finite ? bits + 0x1000 & 0xFFFF_E000 : bits) & 0xFFFF_FFFFL;
  }

  /**
   * Returns a·b + c as a float that can be rounded to 16 bits once more as if it were exact: where
   * it is not, its last bit is set (rounding to odd). The factors have at most 11 bits.
   */
  static float fmaToOdd(float a, float b, float c) {
    double product = (double) a * b;
    double sum = product + c;
    if (Double.isNaN(sum) || Double.isInfinite(sum)) {
      return (float) sum;
    }
    double part = sum - product;
    double rest = product - (sum - part) + (c - part);
    long bits = Double.doubleToRawLongBits(sum);
    if (rest != 0 && (bits & 1) == 0) {
      bits += rest > 0 == sum > 0 ? 1 : -1;
      sum = Double.longBitsToDouble(bits);
    }
    return toOdd(sum);
  }

  /** Returns a double as a float, with the last bit set where it is not exact. */
  static float toOdd(double value) {
    float near = (float) value;
    if (near == value || Float.isNaN(near)) {
      return near;
    }
    int bits = Float.floatToRawIntBits(near);
    if (Math.abs((double) near) > Math.abs(value)) {
      bits--;
    }
    return Float.intBitsToFloat(bits | 1);
  }

  /** Returns a double as a float, towards zero. */
  static float towardsZero(double value) {
    float near = (float) value;
    boolean away = Math.abs((double) near) > Math.abs(value);
    return away ? Float.intBitsToFloat(Float.floatToRawIntBits(near) - 1) : near;
  }

  /** Returns zero with the sign of a number that is not normal, else the number. */
  static float flush(float value) {
    return Math.abs(value) < Float.MIN_NORMAL ? Math.copySign(0f, value) : value;
  }
}
