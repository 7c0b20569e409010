package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the template step makes of its directives, and what it says of those it does not know. */
class PtxTemplateTest {
  private static final String SHARED = "//#macro twice(y, x)\nadd ${y}, ${x}, ${x};\n//#end";

  private static String expand(String... lines) {
    String text = String.join("\n", lines);
    return PtxTemplate.expand(
            "main", name -> name.equals("main") ? text : SHARED, Map.of("N", "3", "T", "bf16"))
        .strip();
  }

  @Test
  void expand_plainLines_stayAndCommentsGo() {
    assertThat(expand("mov.u32 %r, 1;", "// Δ: dropped", "  ret;"))
        .isEqualTo("mov.u32 %r, 1;\n  ret;");
  }

  @ParameterizedTest
  @CsvSource({
    "N, 3",
    "N + 1, 4",
    "N*4+8, 20",
    "2 - N, -1",
    "N / 2 * 2, 2",
    "7 % N, 1",
    "T, bf16",
    "12, 12"
  })
  void expand_expression_isItsValueFromLeftToRight(String expression, String value) {
    assertThat(expand("x ${" + expression + "}")).isEqualTo("x " + value);
  }

  @Test
  void expand_loops_runOverRangesAndWordsInsideEachOther() {
    assertThat(expand("//#for a in p q", "//#for i in 1..N", "${a}${i}", "//#end", "//#end"))
        .isEqualTo("p1\np2\nq1\nq2");
    assertThat(expand("//#for i in 0..0", "never", "//#end", "after")).isEqualTo("after");
  }

  @Test
  void expand_choices_takeOneBranchAndMayBeNested() {
    String[] choice = {
      "//#if T is bf16",
      "half",
      "//#if N is 4",
      "four",
      "//#else",
      "other",
      "//#end",
      "//#else",
      "whole",
      "//#end"
    };
    assertThat(expand(choice)).isEqualTo("half\nother");
    assertThat(expand("//#if T not bf16", "whole", "//#end", "end")).isEqualTo("end");
  }

  @Test
  void expand_letAndSet_holdToTheEndOfTheirBlock() {
    assertThat(
            expand(
                "//#set HALF 0f3F000000",
                "//#for i in 0..2",
                "//#let at = i * 4 + N",
                "ld [${at}], ${HALF};",
                "//#end"))
        .isEqualTo("ld [3], 0f3F000000;\nld [7], 0f3F000000;");
  }

  @Test
  void expand_macroOfAnIncludedFile_takesItsArguments() {
    assertThat(
            expand(
                "//#include shared",
                "//#include shared",
                "//#for i in 0..2",
                "//#twice(%f${i}, %g)",
                "//#end"))
        .isEqualTo("add %f0, %g, %g;\nadd %f1, %g, %g;");
  }

  @Test
  void expand_macroThatCallsAMacro_passesItsArgumentsOn() {
    assertThat(
            expand(
                "//#include shared",
                "//#macro four(y)",
                "//#twice(${y}, ${y})",
                "//#twice(${y}, ${y})",
                "//#end",
                "//#four(%a)"))
        .isEqualTo("add %a, %a, %a;\nadd %a, %a, %a;");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x ${M}| main:1: 'M' is not known and no integer",
        "x ${N 4}| main:1: 'N 4' is no variable and no sum",
        "//#fro i in 0..2| main:1: '//#fro i in 0..2' is no directive and no macro",
        "//#nothing(1)| main:1: '//#nothing(1)' is no directive and no macro",
        "//#for i in 0..2| main:1: has no //#end",
        "//#for i = 0| main:1: has no //#end"
      })
  void expand_whatItDoesNotKnow_isRefusedWithFileAndLine(String line, String message) {
    assertThatIllegalArgumentException().isThrownBy(() -> expand(line)).withMessage(message);
  }

  @Test
  void expand_wrongCalls_areRefusedWithFileAndLine() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> expand("", "//#include shared", "//#twice(%a)"))
        .withMessage("main:3: has 1 arguments, expected [y, x]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> expand("//#macro again(x)", "//#again(${x})", "//#end", "//#again(1)"))
        .withMessage("main:2: is nested too deeply; does a macro call itself?");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> expand("//#for i = 0", "//#end"))
        .withMessageStartingWith("main:1: expected //#for");
  }

  @Test
  void source_unknownFamily_isRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PtxSource("nothing", Map.of()).text())
        .withMessage("PtxSource: there is no file nothing.ptx");
  }
}
