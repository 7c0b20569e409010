package io.github.mamba4j.cuda.emulator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A few lines of PTX as a kernel that reads longs and writes a long for each thread.
 *
 * <p>The lines find the thread's inputs in registers of every width, {@code %d0} (64 bits), {@code
 * %r0} (32), {@code %h0} (16) and {@code %p0} (the lowest bit) for the first one and so on, and
 * leave their result in {@code %do}, {@code %ro}, {@code %ho} or {@code %po}. There are {@code %i},
 * {@code %in} and {@code %out}, the thread's number and addresses, registers {@code %a0} to {@code
 * %a9} of 32 bits and {@code %w0} to {@code %w9} of 64 that nothing was written to, and {@code %q0}
 * to {@code %q9}, predicates.
 */
final class Snippet {
  static final int INPUTS = 5;

  private static final String HEAD =
      """
      .version 7.8
      .target sm_80
      .address_size 64
      .extern .shared .align 16 .b8 dynamic[];
      .visible .entry snippet(.param .u64 in, .param .u64 out)
      {
        .reg .b64 %d<5>, %do, %in, %out, %place, %base, %w<10>;
        .reg .b32 %r<5>, %ro, %i, %a<10>;
        .reg .b16 %h<5>, %ho;
        .reg .pred %p<5>, %po, %q<10>;
        ld.param.u64 %base, [in];
        mov.u32 %i, %tid.x;
      """;
  private static final String READ =
      """
        ld.param.u64 %out, [out];
        mul.wide.u32 %in, %i, 40;
        add.u64 %in, %in, %base;
        mul.wide.u32 %place, %i, 8;
        add.u64 %out, %out, %place;
        mov.b64 %do, 0;
        mov.b32 %ro, 0;
        mov.b16 %ho, 0;
        setp.ne.u32 %po, %ro, 0;
      """;
  private static final String TAIL =
      """

        cvt.u64.u32 %place, %ro;
        or.b64 %do, %do, %place;
        cvt.u64.u16 %place, %ho;
        or.b64 %do, %do, %place;
        selp.b64 %place, 1, 0, %po;
        or.b64 %do, %do, %place;
        st.global.b64 [%out], %do;
        ret;
      }
      """;

  private final PtxProgram program;
  private int blocks = 1;
  private int dynamicShared;

  private Snippet(String text) {
    program = PtxProgram.parse(text);
  }

  /** Makes a kernel of lines that leave a result. */
  static Snippet of(String... lines) {
    return new Snippet(text(lines));
  }

  private static String text(String... lines) {
    StringBuilder text = new StringBuilder(HEAD).append(READ);
    for (int i = 0; i < INPUTS; i++) {
      text.append("ld.global.b64 %d#, [%in+@];\n".replace("@", "" + 8 * i).replace("#", "" + i));
      text.append("cvt.u32.u64 %r#, %d#; cvt.u16.u64 %h#, %d#;\n".replace("#", "" + i));
      text.append("and.b64 %place, %d#, 1; setp.ne.u64 %p#, %place, 0;\n".replace("#", "" + i));
    }
    return text.append(String.join("\n", lines)).append(TAIL).toString();
  }

  /** Makes a kernel of lines that leave a result and use what is declared outside of it. */
  static Snippet withModule(String declarations, String... lines) {
    return new Snippet(text(lines).replace(".extern", declarations + ".extern"));
  }

  /** Makes a kernel of lines that read and write the inputs at {@code %base} themselves. */
  static Snippet bare(String... lines) {
    return new Snippet(HEAD + String.join("\n", lines) + "\n  ret;\n}\n");
  }

  /** Runs an instruction in one thread. */
  static long eval(String instruction, long... inputs) {
    return of(instruction).run(1, inputs)[0];
  }

  /** Sets how many blocks run. */
  Snippet blocks(int count) {
    blocks = count;
    return this;
  }

  Snippet dynamicShared(int bytes) {
    dynamicShared = bytes;
    return this;
  }

  Snippet limit(long instructions) {
    program.instructionLimit(instructions);
    return this;
  }

  Snippet races(boolean detect) {
    program.detectGlobalRaces(detect);
    return this;
  }

  /** Runs some threads, which read the inputs in turn, and returns what they wrote. */
  long[] run(int threads, long... inputs) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocate(8L * INPUTS * threads, 16);
      MemorySegment out = arena.allocate(8L * threads, 16);
      MemorySegment.copy(inputs, 0, in, ValueLayout.JAVA_LONG, 0, inputs.length);
      launch(threads, in, out);
      return out.toArray(ValueLayout.JAVA_LONG);
    }
  }

  /** Runs some threads that read and write the inputs, and returns what is left there. */
  long[] runBare(int threads, long... inputs) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocate(8L * inputs.length, 16);
      MemorySegment.copy(inputs, 0, in, ValueLayout.JAVA_LONG, 0, inputs.length);
      launch(threads, in, MemorySegment.NULL);
      return in.toArray(ValueLayout.JAVA_LONG);
    }
  }

  private void launch(int threads, MemorySegment in, MemorySegment out) {
    EmulatedMemory memory = new EmulatedMemory();
    memory.register(in);
    memory.register(out);
    ByteBuffer parameters = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
    parameters.putLong(in.address()).putLong(out.address());
    int[] block = {threads, 1, 1};
    program.launch("snippet", new int[] {blocks, 1, 1}, block, dynamicShared, parameters, memory);
  }
}
