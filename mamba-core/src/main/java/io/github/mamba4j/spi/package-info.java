/**
 * The contract between tensors and the hardware: memory, and one kernel interface a family.
 *
 * <p>For authors of backends. A kernel sees {@link io.github.mamba4j.spi.View views} (storage,
 * element offset, row stride) and plain numbers, never a tensor, so that the same call fits a Java
 * loop over a memory segment and a PTX launch over a device pointer. Three rules hold for all of
 * them:
 *
 * <ul>
 *   <li>A kernel returns nothing to the host and reads nothing from it: losses, norms and step
 *       sizes live in storage. So a whole training step can be recorded once and replayed, on a GPU
 *       as one captured graph.
 *   <li>A kernel allocates nothing. What it needs beside its arguments it states as a number of
 *       floats, and the caller passes a workspace of at least that size.
 *   <li>Reductions run in an order that depends on the shape alone, so that results are the same
 *       bits whatever the number of threads.
 * </ul>
 *
 * <p>Arguments were checked by the public operation; kernels only assert. Float data is 32-bit
 * unless a view's type says otherwise.
 */
@NullMarked
package io.github.mamba4j.spi;

import org.jspecify.annotations.NullMarked;
