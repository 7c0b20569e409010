package io.github.mamba4j.cuda.emulator;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Constants as PTX writes them. */
final class Constants {
  private static final Pattern INTEGER = Pattern.compile("-?(0[xX][0-9a-fA-F]+|\\d+)U?");
  private static final Pattern FLOAT_BITS = Pattern.compile("0[fF]([0-9a-fA-F]{8})");
  private static final Pattern DOUBLE_BITS = Pattern.compile("0[dD]([0-9a-fA-F]{16})");
  private static final Pattern DECIMAL = Pattern.compile("-?\\d+\\.\\d*(?:[eE][-+]?\\d+)?");

  private Constants() {}

  /** Returns the bits of a constant, or null if it is none of the type. */
  static @Nullable Long bits(String text, Type type) {
    if (type == Type.F32 || type == Type.F64 || type == Type.B32 || type == Type.B64) {
      Matcher bits = FLOAT_BITS.matcher(text);
      if (bits.matches()) {
        long value = Long.parseLong(bits.group(1), 16);
        return type.bits == 32 ? value : Floats.bits((double) Floats.f32(value));
      }
      Matcher wide = DOUBLE_BITS.matcher(text);
      if (wide.matches()) {
        long value = Long.parseUnsignedLong(wide.group(1), 16);
        return type.bits == 64 ? value : Floats.bits((float) Floats.f64(value));
      }
      if (type.isFloat() && DECIMAL.matcher(text).matches()) {
        double value = Double.parseDouble(text);
        return type.bits == 64 ? Floats.bits(value) : Floats.bits((float) value);
      }
    }
    boolean fits = INTEGER.matcher(text).matches() && !type.isFloat();
    return fits ? Long.valueOf(integer(text) & type.mask) : null;
  }

  /** Returns an integer: decimal, hexadecimal or octal. */
  static long integer(String text) {
    String digits = text.endsWith("U") ? text.substring(0, text.length() - 1) : text;
    boolean negative = digits.startsWith("-");
    digits = negative ? digits.substring(1) : digits;
    boolean hex = digits.startsWith("0x") || digits.startsWith("0X");
    boolean octal = !hex && digits.length() > 1 && digits.startsWith("0");
    long value =
        Long.parseUnsignedLong(hex ? digits.substring(2) : digits, hex ? 16 : octal ? 8 : 10);
    return negative ? -value : value;
  }
}
