/** A GPU made of Java: runs kernels in PTX on the CPU and checks what they do to memory. */
package io.github.mamba4j.cuda.emulator;
