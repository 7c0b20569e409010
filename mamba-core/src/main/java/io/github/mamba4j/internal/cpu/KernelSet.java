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

/** All kernel families of a backend; the same objects each time. */
interface KernelSet {
  /** Returns {@code scalar}, or {@code vector-} and the width in bits. */
  String name();

  /** Returns matrix products. */
  MatmulKernels matmul();

  /** Returns scans. */
  ScanKernels scan();

  /** Returns scans of Mamba-2. */
  SsdKernels ssd();

  /** Returns convolutions. */
  ConvKernels conv();

  /** Returns normalisations. */
  NormKernels norm();

  /** Returns elementwise functions and sums. */
  ElementwiseKernels elementwise();

  /** Returns losses. */
  LossKernels loss();

  /** Returns lookups. */
  GatherKernels gather();

  /** Returns optimiser steps. */
  OptimizerKernels optimizer();

  /** Comes after the host has read a result. */
  default void afterRead() {}
}
