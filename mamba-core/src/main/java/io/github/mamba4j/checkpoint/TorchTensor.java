package io.github.mamba4j.checkpoint;

import java.util.List;

/**
 * A view of a storage, as a pickle describes it; nothing is checked against the storage yet.
 *
 * @param storage what it views
 * @param offset the first element, counted in elements
 * @param shape the sizes of the axes, outermost first
 * @param strides the distance of neighbours along each axis, counted in elements
 */
record TorchTensor(TorchStorage storage, long offset, List<Long> shape, List<Long> strides) {}
