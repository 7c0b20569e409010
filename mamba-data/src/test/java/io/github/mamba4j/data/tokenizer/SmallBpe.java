package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.checkpoint.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A small {@code tokenizer.json} written by hand; single quotes stand for double ones. */
final class SmallBpe {

  private final Map<String, Object> file = new LinkedHashMap<>();
  private final Map<String, Object> model = new LinkedHashMap<>();

  /** Tokens in the order of their ids, without settings and merges. */
  SmallBpe(String... vocab) {
    Map<String, Object> ids = new LinkedHashMap<>();
    for (String token : vocab) {
      ids.put(token, (long) ids.size());
    }
    file.put("version", "1.0");
    file.put("added_tokens", new ArrayList<>());
    file.put("model", model);
    model.put("type", "BPE");
    model.put("vocab", ids);
    model.put("merges", List.of());
    set("decoder", "{'type':'Fuse'}");
  }

  /** The 256 bytes in the order of their values, then more tokens. */
  static SmallBpe byteLevel(String... more) {
    List<String> vocab = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      vocab.add(String.valueOf(ByteAlphabet.symbolOf(b)));
    }
    vocab.addAll(Arrays.asList(more));
    return new SmallBpe(vocab.toArray(String[]::new))
        .set("pre_tokenizer", "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true}")
        .set("decoder", "{'type':'ByteLevel'}");
  }

  static Object json(String text) {
    try {
      Object value = Json.parse("test", text.replace('\'', '"'));
      return value == null ? Map.of() : value;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static JsonValue value(String text) {
    return JsonValue.of("test", json(text));
  }

  SmallBpe set(String name, String json) {
    file.put(name, json(json));
    return this;
  }

  SmallBpe model(String name, Object value) {
    model.put(name, value);
    return this;
  }

  SmallBpe merges(String... merges) {
    return model("merges", List.of(merges));
  }

  /** An added token with the options named. */
  @SuppressWarnings("unchecked")
  SmallBpe added(int id, String content, String... options) {
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", (long) id);
    token.put("content", content);
    token.put("normalized", false);
    token.put("special", false);
    for (String option : options) {
      token.put(option, true);
    }
    ((List<Object>) file.get("added_tokens")).add(token);
    return this;
  }

  Map<String, Object> file() {
    return file;
  }

  BpeTokenizer read() throws IOException {
    return HuggingFaceReader.read(JsonValue.of("test", file));
  }
}
