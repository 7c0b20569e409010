package io.github.mamba4j.cuda;

import static jcuda.nvptxcompiler.JNvPTXCompiler.*;
import static jcuda.nvptxcompiler.nvPTXCompileResult.NVPTXCOMPILE_SUCCESS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
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
          PtxForms.STEP);
  private static final List<Integer> ARCHITECTURES = List.of(80, 86, 89, 90);

  /** For families with many forms, whose kernels differ in types and unrolled loops only. */
  private static final List<Integer> FEW_ARCHITECTURES = List.of(80, 90);

  private static final Pattern STACK = Pattern.compile("(\\d+) bytes stack frame");

  @BeforeAll
  static void loadCompiler() {
    JNvPTXCompiler.setExceptionsEnabled(false);
  }

  static Stream<Arguments> files() {
    return Stream.concat(
        files(SOURCES.stream(), ARCHITECTURES),
        files(FORMS.stream().flatMap(List::stream), FEW_ARCHITECTURES));
  }

  private static Stream<Arguments> files(Stream<PtxSource> sources, List<Integer> architectures) {
    return sources.flatMap(source -> architectures.stream().map(sm -> Arguments.of(source, sm)));
  }

  @ParameterizedTest
  @MethodSource("files")
  void ptx_everyFamily_compilesWithoutSpilling(PtxSource source, int architecture) {
    String log = compile(source.text(), "--gpu-name=sm_" + architecture);
    Matcher stack = STACK.matcher(log);
    int kernels = 0;
    while (stack.find()) {
      assertThat(stack.group(1)).as(log).isEqualTo("0");
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
    assertThatThrownBy(() -> compile(ptx, "--gpu-name=sm_80")).hasMessageContaining("f33");
  }

  /** Returns what the compiler says of registers and memory. */
  private static String compile(String ptx, String architecture) {
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
    String said = new String(log, StandardCharsets.US_ASCII);
    assertThat(result).as(said).isEqualTo(NVPTXCOMPILE_SUCCESS);
    return said;
  }
}
