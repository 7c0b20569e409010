package io.github.mamba4j.checkpoint;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The numbers under which GGUF files store element types. */
final class GgmlTypes {

  private static final Map<Long, StoredType> READABLE =
      Map.ofEntries(
          Map.entry(0L, StoredType.F32),
          Map.entry(1L, StoredType.F16),
          Map.entry(2L, StoredType.Q4_0),
          Map.entry(3L, StoredType.Q4_1),
          Map.entry(6L, StoredType.Q5_0),
          Map.entry(7L, StoredType.Q5_1),
          Map.entry(8L, StoredType.Q8_0),
          Map.entry(12L, StoredType.Q4_K),
          Map.entry(13L, StoredType.Q5_K),
          Map.entry(14L, StoredType.Q6_K),
          Map.entry(24L, StoredType.I8),
          Map.entry(25L, StoredType.I16),
          Map.entry(26L, StoredType.I32),
          Map.entry(27L, StoredType.I64),
          Map.entry(28L, StoredType.F64),
          Map.entry(30L, StoredType.BF16));

  private static final Map<Long, String> OTHERS =
      Map.ofEntries(
          Map.entry(9L, "Q8_1"),
          Map.entry(10L, "Q2_K"),
          Map.entry(11L, "Q3_K"),
          Map.entry(15L, "Q8_K"),
          Map.entry(16L, "IQ2_XXS"),
          Map.entry(17L, "IQ2_XS"),
          Map.entry(18L, "IQ3_XXS"),
          Map.entry(19L, "IQ1_S"),
          Map.entry(20L, "IQ4_NL"),
          Map.entry(21L, "IQ3_S"),
          Map.entry(22L, "IQ2_S"),
          Map.entry(23L, "IQ4_XS"),
          Map.entry(29L, "IQ1_M"),
          Map.entry(34L, "TQ1_0"),
          Map.entry(35L, "TQ2_0"),
          Map.entry(39L, "MXFP4"));

  private GgmlTypes() {}

  /** The type of a number, or null where it cannot be read. */
  static @Nullable StoredType byNumber(long number) {
    return READABLE.get(number);
  }

  /** The number of a type, or -1 where GGUF has none. */
  static int numberOf(StoredType type) {
    for (Map.Entry<Long, StoredType> entry : READABLE.entrySet()) {
      if (entry.getValue() == type) {
        return entry.getKey().intValue();
      }
    }
    return -1;
  }

  /** How a message calls the type of a number. */
  static String nameOf(long number) {
    String name = OTHERS.get(number);
    return name == null ? "ggml type " + number : name;
  }
}
