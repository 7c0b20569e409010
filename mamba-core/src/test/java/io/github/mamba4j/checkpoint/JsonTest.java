package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {

  @TempDir Path folder = Path.of("");

  @Test
  void parse_everyKindOfValue_becomesPlainJava() throws IOException {
    Object value =
        Json.parse(
            "t", "{\"b\":[1,-2.5,true,null,\"x\\u00e9\"],\"a\":{},\"c\":9223372036854775807}");

    Map<String, @Nullable Object> expected = new LinkedHashMap<>();
    expected.put("b", Arrays.asList(1L, -2.5, true, null, "xé"));
    expected.put("a", Map.of());
    expected.put("c", Long.MAX_VALUE);
    assertThat(value).isEqualTo(expected);
    assertThat(String.valueOf(value)).startsWith("{b=[").endsWith(", a={}, c=9223372036854775807}");
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '|',
      value = {
        "Infinity, Infinity",
        "-Infinity, -Infinity",
        "NaN, NaN",
        "{\"__float__\": \"Infinity\"}, Infinity",
        "{\"__float__\": \"-Infinity\"}, -Infinity",
        "{\"__float__\": \"NaN\"}, NaN",
        "9223372036854775808, 9.223372036854775808E18",
        "1e400, Infinity",
        "1e-05, 1E-5",
      })
  void parse_numberBeyondTheStandard_isDouble(String text, double expected) throws IOException {
    assertThat(Json.parse("t", text)).isEqualTo(expected);
    assertThat(Json.parse("t", "[0.0, " + text + "]")).isEqualTo(List.of(0.0, expected));
  }

  @Test
  void parse_objectThatOnlyResemblesAFloat_staysAnObject() throws IOException {
    assertThat(Json.parse("t", "{\"__float__\":\"x\"}")).isEqualTo(Map.of("__float__", "x"));
    assertThat(Json.parse("t", "{\"__float__\":\"NaN\",\"a\":1}"))
        .isEqualTo(Map.of("__float__", "NaN", "a", 1L));
  }

  @Test
  void parse_byteOrderMark_isSkipped() throws IOException {
    assertThat(Json.parse("t", "\ufeff[1]")).isEqualTo(List.of(1L));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[1,",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1} x",
        "[1] [2]",
        "{'a':1}",
        "nul",
        "01",
        "\"a\nb\"",
        "\"\\x\"",
        "{1:2}"
      })
  void parse_badText_isOneLineNamingTheSource(String text) {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> Json.parse("config.json", text))
        .satisfies(
            e -> assertThat(e.getMessage()).startsWith("config.json: ").doesNotContain("\n"));
  }

  @Test
  void parse_duplicateKey_saysWhichAndWhere() {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> Json.parse("c", "{\"a\":1,\n \"a\":2}"))
        .withMessage("c: line 2 column 2: duplicate key a");
  }

  @Test
  void parse_nesting_isLimited() throws IOException {
    assertThat(Json.parse("t", "[".repeat(100) + "]".repeat(100))).isInstanceOf(List.class);
    for (String open : List.of("[", "{\"a\":")) {
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> Json.parse("t", open.repeat(1_000_000)))
          .withMessageContaining("epth");
    }
  }

  @Test
  void read_bytesThatAreNotUtf8_areRefused() throws IOException {
    Path file = folder.resolve("a.json");
    Files.write(file, new byte[] {'"', (byte) 0xc3, '(', '"'});

    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> Json.read(file))
        .withMessage(file + ": is not UTF-8 text");
  }

  @Test
  void format_tree_isIndentedAndScalarsStayOnOneLine() {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("z", 1);
    tree.put("a", List.of(0.5f, 2L, "q\"\\\n\u0001é😀"));
    tree.put("none", null);
    tree.put("nested", List.of(Map.of("k", true), List.of()));
    tree.put("empty", Map.of());
    tree.put("inf", Double.POSITIVE_INFINITY);

    assertThat(Json.format(tree))
        .isEqualTo(
            """
            {
              "z": 1,
              "a": [0.5, 2, "q\\"\\\\\\n\\u0001é😀"],
              "none": null,
              "nested": [
                {
                  "k": true
                },
                []
              ],
              "empty": {},
              "inf": {"__float__": "Infinity"}
            }
            """);
    assertThat(Json.formatCompact(List.of(Map.of("a", 1), -0.0))).isEqualTo("[{\"a\":1},-0.0]");
  }

  @Test
  void format_hashMap_isWrittenInKeyOrder() {
    Map<String, Object> map = new HashMap<>();
    for (int i = 9; i >= 0; i--) {
      map.put("key" + i, i);
    }
    assertThat(Json.formatCompact(map))
        .startsWith("{\"key0\":0,\"key1\":1,")
        .endsWith("\"key9\":9}");
  }

  @Test
  void format_thenParse_isIdentity() throws IOException {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("numbers", List.of(Long.MIN_VALUE, 0L, 1e-300, Double.MIN_VALUE, -0.0, 1.0));
    tree.put("special", List.of(Double.NaN, Double.NEGATIVE_INFINITY));
    tree.put("日本\u2028", Arrays.asList("\u0000\u001f\u007f", null, false));

    assertThat(Json.parse("t", Json.format(tree))).isEqualTo(tree);
    assertThat(Json.parse("t", Json.formatCompact(tree))).isEqualTo(tree);
  }

  @Test
  void write_valueThatIsNoJson_leavesTheOldFile() throws IOException {
    Path file = folder.resolve("a.json");
    Json.write(file, Map.of("a", 1));
    List<Object> cycle = new ArrayList<>();
    cycle.add(cycle);

    for (Object bad : List.of(new Object(), Map.of(1, 2), "\ud800", "\udc00x", cycle)) {
      assertThatIllegalArgumentException().isThrownBy(() -> Json.write(file, bad));
    }
    assertThat(Files.readString(file)).isEqualTo("{\n  \"a\": 1\n}\n");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void readObject_fixtureConfig_givesTypedMembers() throws IOException {
    JsonObject config = Json.readObject(Fixtures.path("mamba1-tiny/config.json"));

    assertThat(config.requireInt("hidden_size")).isEqualTo(32);
    assertThat(config.doubleOr("layer_norm_epsilon", 0)).isEqualTo(1e-5);
    assertThat(config.booleanOr("use_bias", true)).isFalse();
    assertThat(config.requireString("model_type")).isEqualTo("mamba");
    assertThat(config.requireStrings("architectures")).containsExactly("MambaForCausalLM");
    assertThat(config.intOr("absent", 7)).isEqualTo(7);
    assertThat(
            Json.readObject(Fixtures.path("train-mamba1/trajectory.json")).requireDoubles("losses"))
        .hasSize(10)
        .startsWith(4.423733711242676);
  }

  @Test
  void jsonObject_wrongMember_saysKeyExpectedAndFound() throws IOException {
    JsonObject object =
        JsonObject.of(
            "c.json", Json.parse("c.json", "{\"n\":1.5,\"s\":\"x\",\"nil\":null,\"l\":[1,\"a\"]}"));

    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.requireInt("n"))
        .withMessage("c.json: n is 1.5, expected a 32-bit integer");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.requireInt("gone"))
        .withMessage("c.json: gone is missing, expected an integer");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.requireDouble("nil"))
        .withMessage("c.json: nil is null, expected a number");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.booleanOr("s", true))
        .withMessage("c.json: s is \"x\", expected true or false");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.requireDoubles("l"))
        .withMessage("c.json: l[1] is \"a\", expected a number");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> object.requireObject("l"))
        .withMessage("c.json: l: is an array, expected a JSON object");
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> JsonObject.of("c.json", null))
        .withMessage("c.json: is null, expected a JSON object");
  }
}
