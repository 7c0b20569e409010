package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.View;

/**
 * How kernels over matrices are cut into tasks and the tasks into spans of contiguous elements: by
 * shape and strides alone.
 *
 * <p>A matrix without gaps between its rows is <em>flat</em>: it is taken as rows of {@link #SPAN}
 * elements, so that a span is long whatever the width of a row.
 */
final class Tiles {
  /**
   * Elements a task: some ten microseconds of work, and three operands fit a second-level cache.
   */
  static final int SPAN = 16_384;

  private Tiles() {}

  /** Returns whether rows of three operands, {@code cols} wide, follow each other without gaps. */
  static boolean flat(int rows, int cols, View a, View b, View out) {
    return rows == 1 || (a.stride() == cols && b.stride() == cols && out.stride() == cols);
  }

  /** Returns the number of spans: a flat matrix has as many as it needs, another one a row. */
  static long spans(int rows, int cols, boolean flat) {
    return flat ? ceilDiv((long) rows * cols, SPAN) : rows;
  }

  /** Returns the number of spans that make a task. */
  static int spansPerTask(int cols, boolean flat) {
    return flat ? 1 : Math.max(1, SPAN / cols);
  }

  /** Returns the number of tasks. */
  static int tasks(int rows, int cols, boolean flat) {
    return tasks(spans(rows, cols, flat), spansPerTask(cols, flat));
  }

  /** Returns the number of tasks of {@code perTask} items that {@code items} make. */
  static int tasks(long items, long perTask) {
    return Math.toIntExact(ceilDiv(items, perTask));
  }

  /** Returns the number of elements in a span. */
  static int spanLength(int rows, int cols, boolean flat, long span) {
    return flat ? (int) Math.min(SPAN, (long) rows * cols - span * SPAN) : cols;
  }

  /** Returns the index of a span's first element. */
  static long spanStart(View view, boolean flat, long span) {
    return view.offset() + span * (flat ? SPAN : view.stride());
  }

  /** Returns the index of a row's first element. */
  static long row(View view, long row) {
    return view.offset() + row * view.stride();
  }

  private static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }
}
