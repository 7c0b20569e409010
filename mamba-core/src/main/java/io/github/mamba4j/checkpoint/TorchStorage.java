package io.github.mamba4j.checkpoint;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A flat array in a PyTorch archive, as a pickle names it; several tensors may view one.
 *
 * @param type the element type
 * @param key the last part of the archive entry {@code data/key}
 * @param elements the number of elements, not negative
 */
record TorchStorage(StoredType type, String key, long elements) {

  private static final Map<String, StoredType> TYPE_OF_CLASS =
      Map.ofEntries(
          Map.entry("FloatStorage", StoredType.F32),
          Map.entry("HalfStorage", StoredType.F16),
          Map.entry("BFloat16Storage", StoredType.BF16),
          Map.entry("DoubleStorage", StoredType.F64),
          Map.entry("LongStorage", StoredType.I64),
          Map.entry("IntStorage", StoredType.I32),
          Map.entry("ShortStorage", StoredType.I16),
          Map.entry("CharStorage", StoredType.I8),
          Map.entry("ByteStorage", StoredType.U8),
          Map.entry("BoolStorage", StoredType.BOOL));

  /** The element type of a storage class of module {@code torch}, or null. */
  static @Nullable StoredType typeOf(String className) {
    return TYPE_OF_CLASS.get(className);
  }
}
