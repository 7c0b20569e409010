package io.github.mamba4j.internal.cpu;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One object that is kept between calls, so that a call that must gather its arguments into an
 * object allocates none; a second caller at the same time gets a new one.
 *
 * @param <T> the object
 */
final class Spare<T> {
  private final AtomicReference<@Nullable T> kept = new AtomicReference<>();
  private final Supplier<T> maker;

  Spare(Supplier<T> maker) {
    this.maker = maker;
  }

  T take() {
    T spare = kept.getAndSet(null);
    return spare == null ? maker.get() : spare;
  }

  void giveBack(T spare) {
    kept.set(spare);
  }
}
