package io.github.mamba4j.cuda;

import static jcuda.nvptxcompiler.JNvPTXCompiler.*;
import static jcuda.nvptxcompiler.nvPTXCompileResult.NVPTXCOMPILE_SUCCESS;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel's PTX is what NVIDIA's assembler takes, for each kind of GPU; needs no GPU. */
class PtxCompileTest {
  private static final List<PtxSource> SOURCES =
      Stream.of("elementwise", "conv_fold", "loss", "matmul_aid", "optimizer", "prefix", "sampling")
          .map(family -> new PtxSource(family, Map.of()))
          .toList();
  private static final List<List<PtxSource>> FORMS =
      List.of(
          NormSources.ALL,
          PtxForms.CONV,
          PtxForms.GATHER,
          PtxForms.GATHER_BACKWARD,
          PtxForms.GEMV,
          PtxForms.MATMUL,
          ScanSources.ALL,
          PtxForms.SCAN_BACKWARD,
          PtxForms.SSD,
          PtxForms.STEP,
          PtxForms.STEPS);
  private static final List<Integer> ARCHITECTURES = List.of(80, 86, 89, 90);

  /** For families with many forms, whose kernels differ in types and unrolled loops only. */
  private static final List<Integer> FEW_ARCHITECTURES = List.of(80, 90);

  private static final Pattern TARGET = Pattern.compile("\\.target sm_(\\d+)");
  private static final Pattern STACK = Pattern.compile("(\\d+) bytes stack frame");

  /** A file as it is expanded, and the GPU that it is assembled for. */
  record Job(PtxSource source, int architecture) {
    @Override
    public String toString() {
      return source + " for sm_" + architecture;
    }
  }

  /** Whether the assembler took a file, and what it said of registers and memory. */
  private record Outcome(boolean assembled, String said) {}

  private static Map<Job, Outcome> outcomes = Map.of();

  /** On all processors: this is the longest part. */
  @BeforeAll
  static void assembleAll() {
    JNvPTXCompiler.setExceptionsEnabled(false);
    // From a list, which is cut evenly.
    outcomes =
        jobs().toList().parallelStream()
            .collect(Collectors.toConcurrentMap(job -> job, PtxCompileTest::assemble));
  }

  static Stream<Job> jobs() {
    return Stream.concat(
        jobs(SOURCES.stream(), ARCHITECTURES),
        jobs(FORMS.stream().flatMap(List::stream), FEW_ARCHITECTURES));
  }

  private static Stream<Job> jobs(Stream<PtxSource> sources, List<Integer> architectures) {
    return sources.flatMap(source -> {
      int least = least(source);
      return architectures.stream().filter(sm -> sm >= least).map(sm -> new Job(source, sm));
    });
  }

  /** Returns the first kind of GPU that a file is for. */
  private static int least(PtxSource source) {
    Matcher target = TARGET.matcher(source.text());
    assertThat(target.find()).isTrue();
    return Integer.parseInt(target.group(1));
  }

  private static Outcome assemble(Job job) {
    return assemble(job.source.text(), "--gpu-name=sm_" + job.architecture);
  }

  @ParameterizedTest
  @MethodSource("jobs")
  void ptx_everyFamily_compilesWithoutSpilling(Job job) {
    Outcome outcome = Objects.requireNonNull(outcomes.get(job));
    assertThat(outcome.assembled).as(outcome.said).isTrue();
    Matcher stack = STACK.matcher(outcome.said);
    int kernels = 0;
    while (stack.find()) {
      assertThat(stack.group(1)).as(outcome.said).isEqualTo("0");
      kernels++;
    }
    assertThat(kernels).isPositive();
  }

  /** An assembler takes a register for the entry of that name, or does not survive the meeting. */
  @ParameterizedTest
  @MethodSource("sources")
  void ptx_everyFamily_hasNoNameOfAnEntryTwice(PtxSource source) {
    String ptx = source.text();
    for (String entry : PtxSignatures.of(ptx).keySet()) {
      assertThat(Pattern.compile("(?<![\\w.%])" + entry + "\\b").matcher(ptx).results().count())
          .as("mentions of %s", entry)
          .isEqualTo(1);
    }
  }

  static Stream<PtxSource> sources() {
    return Stream.concat(SOURCES.stream(), FORMS.stream().flatMap(List::stream));
  }

  @Test
  void compiler_whatIsNoPtx_isRefused() {
    String ptx =
        new PtxSource("elementwise", Map.of()).text().replaceFirst("ld\\.global\\.f32", "ld.f33");
    Outcome outcome = assemble(ptx, "--gpu-name=sm_80");
    assertThat(outcome.assembled).isFalse();
    assertThat(outcome.said).contains("f33");
  }

  private static Outcome assemble(String ptx, String architecture) {
    nvPTXCompilerHandle handle = new nvPTXCompilerHandle();
    byte[] text = ptx.getBytes(StandardCharsets.US_ASCII);
    assertThat(nvPTXCompilerCreate(handle, text.length, text)).isEqualTo(NVPTXCOMPILE_SUCCESS);
    int result = nvPTXCompilerCompile(handle, 2, new String[] {architecture, "--verbose"});
    long[] size = new long[1];
    byte[] log;
    if (result == NVPTXCOMPILE_SUCCESS) {
      nvPTXCompilerGetInfoLogSize(handle, size);
      log = new byte[Math.toIntExact(size[0])];
      nvPTXCompilerGetInfoLog(handle, log);
    } else {
      nvPTXCompilerGetErrorLogSize(handle, size);
      log = new byte[Math.toIntExact(size[0])];
      nvPTXCompilerGetErrorLog(handle, log);
    }
    nvPTXCompilerDestroy(handle);
    return new Outcome(result == NVPTXCOMPILE_SUCCESS, new String(log, StandardCharsets.US_ASCII));
  }
}
