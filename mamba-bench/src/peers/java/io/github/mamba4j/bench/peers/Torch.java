package io.github.mamba4j.bench.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** What contestants that are libtorch have in common. */
final class Torch {
  private Torch() {}

  /** Tells the library how many threads compute. */
  static void use(int threads) {
    torch.set_num_threads(threads);
  }

  /** Returns the version. */
  static Map<String, Object> describe() {
    try {
      return Map.of("version", "pytorch " + Loader.getVersion("org.bytedeco", "pytorch"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns a tensor with a copy of numbers. */
  static Tensor tensor(float[] values, long... shape) {
    try (FloatPointer copy = new FloatPointer(values)) {
      return torch.from_blob(copy, shape).clone();
    }
  }

  /** Returns a tensor with a copy of token ids. */
  static Tensor tokens(int[] ids, long... shape) {
    try (org.bytedeco.javacpp.IntPointer copy = new org.bytedeco.javacpp.IntPointer(ids)) {
      return torch
          .from_blob(copy, shape, new org.bytedeco.pytorch.TensorOptions(torch.ScalarType.Int))
          .to(torch.ScalarType.Long);
    }
  }

  /** Returns a copy of a tensor's numbers. */
  static float[] floats(Tensor tensor) {
    Tensor rows = tensor.detach().contiguous();
    float[] values = new float[Math.toIntExact(rows.numel())];
    rows.data_ptr_float().get(values);
    return values;
  }

  /**
   * Does something and frees at once all that it made but its result, as reference counts do in
   * Python and C++.
   */
  static <P extends Pointer> P kept(Supplier<P> work) {
    P result;
    try (PointerScope _ = new PointerScope()) {
      result = work.get();
      result.retainReference();
    }
    PointerScope.getInnerScope().attach(result);
    result.releaseReference();
    return result;
  }
}
