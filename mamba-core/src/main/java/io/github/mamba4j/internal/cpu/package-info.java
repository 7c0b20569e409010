/**
 * The CPU backend: plain Java loops ({@code Scalar…}) and the same on the Vector API ({@code
 * Vector…}).
 *
 * <p>Each family has an abstract {@code Cpu…} class that holds what both share (how the work is cut
 * into tasks, workspace layout, fixed-order reductions) and two subclasses with the inner loops.
 * Only {@code Vector…} classes name {@code jdk.incubator.vector}, so that everything else loads
 * without it.
 */
@NullMarked
package io.github.mamba4j.internal.cpu;

import org.jspecify.annotations.NullMarked;
