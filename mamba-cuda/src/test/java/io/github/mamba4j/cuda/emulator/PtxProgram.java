package io.github.mamba4j.cuda.emulator;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Kernels in PTX that the CPU runs, thread by thread and bit by bit, with checks that a GPU does
 * not make: of memory out of reach, of registers and shared memory that were not written, of races
 * and of barriers that not all threads reach. What a check finds is thrown as {@link PtxFault}.
 *
 * <p>Blocks run one after the other, so that a block may wait for an earlier one, or, launched
 * together, in turns. Lanes of a warp run in step.
 */
public final class PtxProgram {
  private static final long INSTRUCTION_LIMIT = 20_000_000;

  /**
   * What a launch is checked for.
   *
   * @param globalRaces whether races between blocks are looked for
   * @param instructionLimit the most instructions that a warp of a block may run
   */
  record Checks(boolean globalRaces, long instructionLimit) {}

  /** An entry's text. */
  private record Source(Statement header, List<Statement> body) {}

  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final List<Statement> moduleShared = new ArrayList<>();
  private final ModuleData data = new ModuleData();
  private final Scope module = new Scope(null);
  private Checks checks = new Checks(true, INSTRUCTION_LIMIT);

  private PtxProgram(List<Statement> statements) {
    for (int i = 0; i < statements.size(); i++) {
      Statement statement = statements.get(i);
      String text = statement.text();
      if (text.contains(".entry ")) {
        int end = end(statements, i + 1);
        sources.put(
            EntryParser.name(statement), new Source(statement, statements.subList(i + 2, end)));
        i = end;
      } else if (text.contains(".shared ")) {
        moduleShared.add(statement);
      } else if (ModuleData.declares(statement)) {
        data.add(statement, module);
      } else if (!text.matches("\\.(version|target|address_size) .*")) {
        throw statement.error("is not supported outside of an entry");
      }
    }
  }

  /** Returns the index of the brace that closes the one at an index. */
  private static int end(List<Statement> statements, int first) {
    int open = 0;
    for (int i = first; i < statements.size(); i++) {
      Statement.Kind kind = statements.get(i).kind();
      if (kind == Statement.Kind.OPEN) {
        open++;
      } else if (kind == Statement.Kind.CLOSE && --open == 0) {
        return i;
      }
    }
    throw statements.get(first).error("the entry has no end");
  }

  /**
   * Takes a PTX text apart. Entries are decoded when they are launched first.
   *
   * @throws IllegalArgumentException if the text cannot be understood; the message names the line
   */
  public static PtxProgram parse(String ptx) {
    return new PtxProgram(Scanner.statements(ptx));
  }

  /** Returns the names of all entries. */
  public Set<String> entries() {
    return sources.keySet();
  }

  /**
   * Decodes all entries, as an assembler would.
   *
   * @throws IllegalArgumentException if an instruction is not known or its operands do not fit; the
   *     message has its line and text
   */
  public void check() {
    sources.keySet().forEach(this::entry);
  }

  /**
   * Chooses whether launches look for races between blocks in global memory; they do by default.
   */
  public PtxProgram detectGlobalRaces(boolean detect) {
    checks = new Checks(detect, checks.instructionLimit());
    return this;
  }

  /** Sets how many instructions a warp of a block may run before a launch fails as endless. */
  public PtxProgram instructionLimit(long limit) {
    checks = new Checks(checks.globalRaces(), limit);
    return this;
  }

  private Entry entry(String name) {
    Source source = sources.get(name);
    if (source == null) {
      throw new IllegalArgumentException("there is no entry " + name + " among " + entries());
    }
    return entries.computeIfAbsent(
        name, key -> new EntryParser(source.header(), source.body(), module, moduleShared).parse());
  }

  /**
   * Runs a kernel to its end.
   *
   * @param grid blocks along x, y and z
   * @param block threads of a block along x, y and z
   * @param dynamicSharedBytes bytes of shared memory beside what the kernel declares
   * @param packedParameters the parameters from position 0 on in the order of the signature, each
   *     at a multiple of its size, in the machine's order of bytes
   * @param memory what the kernel may reach
   * @throws PtxFault if a check fails
   * @throws IllegalArgumentException if there is no such entry or it cannot be decoded
   */
  public synchronized void launch(
      String entry,
      int[] grid,
      int[] block,
      int dynamicSharedBytes,
      ByteBuffer packedParameters,
      EmulatedMemory memory) {
    run(
        new Launch(entry(entry), grid, block, dynamicSharedBytes, packedParameters, memory, checks),
        memory,
        false);
  }

  /**
   * Runs a kernel whose blocks wait for each other; see {@link #launch}.
   *
   * @param grid blocks along x, y and z
   * @param block threads of a block along x, y and z
   * @param dynamicSharedBytes bytes of shared memory beside what the kernel declares
   * @param packedParameters the parameters
   * @param memory what the kernel may reach
   * @throws PtxFault if a check fails
   * @throws IllegalArgumentException if there is no such entry or it cannot be decoded
   */
  public synchronized void launchTogether(
      String entry,
      int[] grid,
      int[] block,
      int dynamicSharedBytes,
      ByteBuffer packedParameters,
      EmulatedMemory memory) {
    run(
        new Launch(entry(entry), grid, block, dynamicSharedBytes, packedParameters, memory, checks),
        memory,
        true);
  }

  private void run(Launch launch, EmulatedMemory memory, boolean together) {
    data.register(memory);
    try {
      if (together) {
        launch.runTogether();
      } else {
        launch.run();
      }
    } finally {
      data.forget(memory);
    }
  }
}
