package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A hash over configuration and parameters. It is kept until a parameter is written to, and never
 * kept once a parameter has had a gradient, because an optimiser may change it at any time.
 */
final class ModelFingerprint {
  /** Elements that are hashed at a time, so that a copy of them is small. */
  private static final int HASHED_ELEMENTS = 1 << 20;

  private record Known(long version, String hash) {}

  private final MambaConfig config;
  private final Map<String, Tensor> parameters;
  private volatile @Nullable Known known;

  ModelFingerprint(MambaConfig config, Map<String, Tensor> parameters) {
    this.config = config;
    this.parameters = parameters;
  }

  /** Returns the hash of what the parameters hold now. */
  String get() {
    OptionalLong version = version();
    Known before = known;
    if (before != null && version.isPresent() && before.version == version.getAsLong()) {
      return before.hash;
    }
    String hash = compute();
    known = version.isPresent() ? new Known(version.getAsLong(), hash) : null;
    return hash;
  }

  /** Versions only rise, so their sum changes with each of them. */
  private OptionalLong version() {
    long sum = 0;
    for (Tensor parameter : parameters.values()) {
      OptionalLong version = parameter.version();
      if (version.isEmpty()) {
        return version;
      }
      sum += version.getAsLong();
    }
    return OptionalLong.of(sum);
  }

  private String compute() {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("MambaModel: this JVM has no SHA-256", e);
    }
    digest.update(config.toString().getBytes(StandardCharsets.UTF_8));
    parameters.forEach((name, tensor) -> {
      digest.update((name + " " + tensor).getBytes(StandardCharsets.UTF_8));
      update(digest, tensor);
    });
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, Tensor tensor) {
    int cols = tensor.shape().lastDim();
    int rows = Math.toIntExact(tensor.shape().elements() / cols);
    int step = Math.clamp(HASHED_ELEMENTS / cols, 1, rows);
    Tensor matrix = tensor.reshape(Shape.of(rows, cols));
    try (Arena arena = Arena.ofShared()) {
      MemorySegment bytes = arena.allocate(tensor.dtype().bytes((long) step * cols));
      for (int row = 0; row < rows; row += step) {
        int count = Math.min(step, rows - row);
        MemorySegment part = bytes.asSlice(0, tensor.dtype().bytes((long) count * cols));
        matrix.narrowRows(row, count).read(part);
        digest.update(part.asByteBuffer());
      }
    }
  }
}
