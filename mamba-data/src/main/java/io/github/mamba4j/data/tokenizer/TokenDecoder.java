package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tokens back to text, in the steps that {@code tokenizer.json} names. The usual ones are bytes
 * that only have to be joined; {@link #joinsBytes} tells them.
 */
final class TokenDecoder {

  /** One step: the texts of the tokens to other texts, in the end joined. */
  @FunctionalInterface
  private interface Step {
    List<String> apply(List<String> tokens);
  }

  private final List<Step> steps = new ArrayList<>();

  /** The steps that can be done on one token alone; what is done on the whole text is left out. */
  private final List<Step> stepsOfOne = new ArrayList<>();

  private boolean byteAlphabet;
  private boolean byteFallback;
  private boolean onlyJoins = true;
  private boolean fused;

  private TokenDecoder() {}

  /** Joins the bytes that the characters of the byte alphabet stand for. */
  static TokenDecoder byteLevel() {
    TokenDecoder decoder = new TokenDecoder();
    decoder.addByteLevel();
    return decoder;
  }

  private void addByteLevel() {
    byteAlphabet = true;
    steps.add(TokenDecoder::joinByteAlphabet);
    fused = true;
  }

  /** Reads a decoder. */
  static TokenDecoder read(JsonValue json) throws DataException {
    TokenDecoder decoder = new TokenDecoder();
    if (json.isNull()) {
      // Without a decoder the Python library puts spaces between the tokens.
      decoder.onlyJoins = false;
      decoder.steps.add(tokens -> List.of(String.join(" ", tokens)));
      return decoder;
    }
    decoder.add(json);
    decoder.onlyJoins &= decoder.byteAlphabet;
    return decoder;
  }

  private void add(JsonValue json) throws DataException {
    switch (json.get("type").string()) {
      case "ByteLevel" -> {
        json.allowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
        if (!steps.isEmpty()) {
          throw json.error("is not the first decoder, expected ByteLevel before all others");
        }
        addByteLevel();
      }
      case "ByteFallback" -> {
        json.allowOnly("type");
        onlyJoins = false;
        byteFallback = true;
        steps.add(TokenDecoder::joinByteTokens);
      }
      case "Fuse" -> {
        json.allowOnly("type");
        steps.add(tokens -> List.of(String.join("", tokens)));
        fused = true;
      }
      case "Replace" -> {
        json.allowOnly("type", "pattern", "content");
        TextPattern pattern = TextPattern.read(json.get("pattern"));
        String content = json.get("content").string();
        addEach(token -> pattern.replaceAll(token, content), true);
      }
      case "Strip" -> addStrip(json);
      case "Metaspace" -> addMetaspace(json);
      case "Sequence" -> {
        json.allowOnly("type", "decoders");
        for (JsonValue part : json.get("decoders").items()) {
          add(part);
        }
      }
      default ->
          throw json.unsupportedType(
              "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence");
    }
  }

  private void addEach(java.util.function.UnaryOperator<String> change, boolean ofOne) {
    onlyJoins = false;
    Step step = tokens -> tokens.stream().map(change).toList();
    steps.add(step);
    if (ofOne) {
      stepsOfOne.add(step);
    }
  }

  private void addStrip(JsonValue json) throws DataException {
    json.allowOnly("type", "content", "start", "stop");
    String content = json.get("content").text();
    if (content.codePointCount(0, content.length()) != 1) {
      throw json.get("content").error("is \"" + content + "\", expected one character");
    }
    int start = json.get("start").nonNegativeInt();
    int stop = json.get("stop").nonNegativeInt();
    // Once the tokens are one text, stripping is about its ends, which a single token cannot know.
    addEach(token -> strip(token, content, start, stop), !fused);
  }

  private static String strip(String token, String content, int start, int stop) {
    int from = 0;
    int to = token.length();
    for (int i = 0; i < start && token.startsWith(content, from); i++) {
      from += content.length();
    }
    for (int i = 0; i < stop && to - from >= content.length(); i++) {
      if (!token.startsWith(content, to - content.length())) {
        break;
      }
      to -= content.length();
    }
    return token.substring(from, to);
  }

  private void addMetaspace(JsonValue json) throws DataException {
    json.allowOnly("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
    String replacement = json.get("replacement").text();
    boolean prepended =
        json.get("add_prefix_space").boolOr(true)
            && !(json.has("prepend_scheme") && json.get("prepend_scheme").string().equals("never"));
    onlyJoins = false;
    steps.add(tokens -> {
      List<String> result = new ArrayList<>();
      for (String token : tokens) {
        result.add(token.replace(replacement, prepended && result.isEmpty() ? "" : " "));
      }
      return result;
    });
    stepsOfOne.add(tokens -> List.of(tokens.getFirst().replace(replacement, " ")));
  }

  private static List<String> joinByteAlphabet(List<String> tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (String token : tokens) {
      byte[] decoded = ByteAlphabet.decode(token);
      bytes.writeBytes(decoded == null ? token.getBytes(StandardCharsets.UTF_8) : decoded);
    }
    return List.of(bytes.toString(StandardCharsets.UTF_8));
  }

  /** Joins runs of byte tokens; a run that is not UTF-8 gives U+FFFD for each of its bytes. */
  private static List<String> joinByteTokens(List<String> tokens) {
    List<String> result = new ArrayList<>();
    ByteArrayOutputStream run = new ByteArrayOutputStream();
    for (String token : tokens) {
      int value = byteOf(token);
      if (value >= 0) {
        run.write(value);
      } else {
        endRun(run, result);
        result.add(token);
      }
    }
    endRun(run, result);
    return result;
  }

  private static void endRun(ByteArrayOutputStream run, List<String> result) {
    if (run.size() == 0) {
      return;
    }
    byte[] bytes = run.toByteArray();
    try {
      result.add(
          StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException _) {
      result.add("\uFFFD".repeat(bytes.length));
    }
    run.reset();
  }

  /** The byte that a token {@code <0xE3>} stands for, or -1. */
  private static int byteOf(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
      return -1;
    }
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
  }

  /** Whether decoding is joining the bytes of the tokens and nothing else. */
  boolean joinsBytes() {
    return onlyJoins;
  }

  /** The text of tokens, given as the vocabulary writes them. */
  String decode(List<String> tokens) {
    List<String> result = tokens;
    for (Step step : steps) {
      result = step.apply(result);
    }
    return String.join("", result);
  }

  /** The bytes of one token of the vocabulary, as far as it knows them alone. */
  byte[] bytesOf(@Nullable String token, boolean literal) {
    if (token == null) {
      return new byte[0];
    }
    if (literal) {
      return token.getBytes(StandardCharsets.UTF_8);
    }
    if (byteFallback && byteOf(token) >= 0) {
      return new byte[] {(byte) byteOf(token)};
    }
    byte[] bytes = byteAlphabet ? ByteAlphabet.decode(token) : null;
    if (bytes != null && stepsOfOne.isEmpty()) {
      return bytes;
    }
    List<String> text = List.of(bytes == null ? token : new String(bytes, StandardCharsets.UTF_8));
    for (Step step : stepsOfOne) {
      text = step.apply(text);
    }
    return String.join("", text).getBytes(StandardCharsets.UTF_8);
  }
}
