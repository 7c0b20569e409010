package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.LossKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.SsdKernels;

/**
 * All kernel families of one kind, made beforehand.
 *
 * @param name {@code scalar}, or {@code vector-} and the width in bits
 * @param matmul matrix products
 * @param scan scans
 * @param ssd scans of Mamba-2
 * @param conv convolutions
 * @param norm normalisations
 * @param elementwise elementwise functions and sums
 * @param loss losses
 * @param gather lookups
 * @param optimizer optimiser steps
 */
record KernelFamilies(
    String name,
    MatmulKernels matmul,
    ScanKernels scan,
    SsdKernels ssd,
    ConvKernels conv,
    NormKernels norm,
    ElementwiseKernels elementwise,
    LossKernels loss,
    GatherKernels gather,
    OptimizerKernels optimizer)
    implements KernelSet {}
