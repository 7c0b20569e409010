package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rules behind the names of {@code tokenizer.ggml.pre}, as llama.cpp has them: regular
 * expressions that cut one after the other.
 */
enum GgufPreTokenizer {
  DEFAULT(
      List.of("default"),
      List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", Regex.GPT2, "\\p{N}+", "[0-9][0-9][0-9]")),
  GPT2(
      List.of(
          "gpt-2",
          "mpt",
          "olmo",
          "phi-2",
          "jais",
          "trillion",
          "granite-docling",
          "exaone4",
          "gigachat",
          "a.x-4.0",
          "mellum"),
      List.of(Regex.GPT2)),
  DIGITS(
      List.of("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"),
      List.of("\\p{N}", Regex.GPT2)),
  FALCON(List.of("falcon"), List.of("[\\p{P}\\$\\+<=>\\^~\\|`]+", Regex.GPT2, "[0-9][0-9][0-9]")),
  LLAMA3(
      List.of(
          "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"),
      List.of(PreTokenizers.cl100k("\\p{N}{1,3}"))),
  DBRX(
      List.of("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"),
      List.of(PreTokenizers.cl100k("\\p{N}{1,3}"))),
  QWEN2(
      List.of(
          "qwen2",
          "deepseek-r1-qwen",
          "kormo",
          "megrez",
          "stablelm2",
          "hunyuan",
          "solar-open",
          "grok-2"),
      List.of(PreTokenizers.cl100k("\\p{N}"))),
  GPT4O(List.of("gpt-4o", "llama4"), List.of(PreTokenizers.o200k())),
  TEKKEN(List.of("tekken"), List.of(Regex.TEKKEN)),
  BLOOM(List.of("bloom", "poro-chat", "gpt3-finnish"), List.of(Regex.BLOOM)),
  VIKING(List.of("viking"), List.of(Regex.BLOOM, "\\p{N}")),
  DEEPSEEK3(
      List.of("deepseek-v3", "hunyuan-dense"),
      List.of("\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", Regex.DEEPSEEK3));

  /** The expressions that several rules share or that are long. */
  private static final class Regex {
    static final String GPT2 =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    static final String BLOOM = " ?[^(\\s|.,!?…。，、।۔،)]+";
    static final String TEKKEN =
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
            + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final String DEEPSEEK3 =
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
            + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*"
            + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private Regex() {}
  }

  @SuppressWarnings("ImmutableEnumChecker") // made by List.of above
  private final List<String> names;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.of above
  private final List<String> regexes;

  GgufPreTokenizer(List<String> names, List<String> regexes) {
    this.names = names;
    this.regexes = regexes;
  }

  /** The rule of a file; without a name it is the default, as in llama.cpp. */
  static GgufPreTokenizer named(GgufVocabulary gguf) throws DataException {
    String wanted = gguf.pre() == null ? "default" : gguf.pre();
    List<String> known = new ArrayList<>();
    for (GgufPreTokenizer rule : values()) {
      if (rule.names.contains(wanted)) {
        return rule;
      }
      known.addAll(rule.names);
    }
    throw GgufReader.error(
        gguf,
        "pre",
        String.format(
            Locale.ROOT,
            "is \"%s\", which is not supported; supported are %s",
            wanted,
            String.join(", ", known)));
  }

  /**
   * Returns the name of a rule.
   *
   * @param preTokenizer the pre-tokenizer in the form of {@code tokenizer.json}
   * @param ignoreMerges whether the model takes whole tokens before it merges
   * @throws DataException if no name stands for it
   */
  static String nameOf(@Nullable Object preTokenizer, boolean ignoreMerges) throws DataException {
    if (preTokenizer instanceof Map<?, ?> json) {
      boolean bytes =
          "ByteLevel".equals(json.get("type"))
              && Boolean.FALSE.equals(json.get("add_prefix_space"))
              && !Boolean.FALSE.equals(json.get("use_regex"));
      for (GgufPreTokenizer rule : values()) {
        boolean same = rule == GPT2 ? bytes : rule.json().equals(json);
        if (same && rule.ignoreMerges() == ignoreMerges) {
          return rule.names.getFirst();
        }
      }
    }
    throw new DataException("GGUF has no name for the pre_tokenizer " + preTokenizer);
  }

  boolean ignoreMerges() {
    return this == LLAMA3 || this == TEKKEN;
  }

  /** Whether a file that does not say gets its first token before every text. */
  boolean addBos() {
    return this == LLAMA3 || this == TEKKEN;
  }

  /** The rule in the form of {@code tokenizer.json}. */
  Map<String, @Nullable Object> json() {
    if (this == GPT2) {
      return HuggingFaceWriter.byteLevel(true);
    }
    List<Object> steps = new ArrayList<>();
    for (String regex : regexes) {
      Map<String, @Nullable Object> step = new LinkedHashMap<>();
      step.put("type", "Split");
      step.put("pattern", Map.of("Regex", regex));
      step.put("behavior", "Isolated");
      step.put("invert", false);
      steps.add(step);
    }
    steps.add(HuggingFaceWriter.byteLevel(false));
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "Sequence");
    json.put("pretokenizers", steps);
    return json;
  }
}
