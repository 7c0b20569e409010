package io.github.mamba4j.data.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a BPE as Hugging Face's {@code tokenizer.json}, version 1.0, with all its fields. */
final class HuggingFaceWriter {

  private HuggingFaceWriter() {}

  /** The file as a JSON value. */
  static Map<String, @Nullable Object> write(BpeTokenizer tokenizer) {
    Map<String, @Nullable Object> file = new LinkedHashMap<>();
    file.put("version", "1.0");
    file.put("truncation", null);
    file.put("padding", null);
    file.put("added_tokens", addedTokens(tokenizer.addedTokens()));
    for (String name : HuggingFaceReader.SETTINGS) {
      file.put(name, tokenizer.parts().settings().get(name));
    }
    file.put("model", model(tokenizer.parts()));
    return file;
  }

  /** What a tokenizer trained here has for settings. */
  static Map<String, @Nullable Object> trainedSettings() {
    Map<String, @Nullable Object> settings = new LinkedHashMap<>();
    settings.put("normalizer", null);
    settings.put("pre_tokenizer", byteLevel(true));
    settings.put("post_processor", null);
    settings.put("decoder", byteLevel(true));
    return settings;
  }

  /** A {@code ByteLevel} component. */
  static Map<String, @Nullable Object> byteLevel(boolean useRegex) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "ByteLevel");
    json.put("add_prefix_space", false);
    json.put("trim_offsets", true);
    json.put("use_regex", useRegex);
    return json;
  }

  /** An entry of {@code added_tokens}. */
  static Map<String, @Nullable Object> addedToken(AddedTokens.AddedToken token) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("id", token.id());
    json.put("content", token.content());
    json.put("single_word", token.singleWord());
    json.put("lstrip", token.lstrip());
    json.put("rstrip", token.rstrip());
    json.put("normalized", token.normalized());
    json.put("special", token.special());
    return json;
  }

  private static List<Object> addedTokens(AddedTokens tokens) {
    List<Object> json = new ArrayList<>();
    tokens.all().forEach(token -> json.add(addedToken(token)));
    return json;
  }

  private static Map<String, @Nullable Object> model(BpeTokenizer.Parts parts) {
    BpeModel.Options options = parts.model().options();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "BPE");
    json.put("dropout", null);
    json.put("unk_token", options.unkToken());
    json.put("continuing_subword_prefix", null);
    json.put("end_of_word_suffix", null);
    json.put("fuse_unk", options.fuseUnk());
    json.put("byte_fallback", options.byteFallback());
    json.put("ignore_merges", options.ignoreMerges());
    Map<String, Object> vocab = new LinkedHashMap<>();
    List<@Nullable String> texts = parts.texts();
    for (int id = 0; id < texts.size(); id++) {
      String text = texts.get(id);
      if (text != null) {
        vocab.put(text, id);
      }
    }
    json.put("vocab", vocab);
    json.put("merges", merges(parts.model().merges(), texts));
    return json;
  }

  /** Strings, the older of the two forms, which all versions of the library read; or pairs. */
  private static List<Object> merges(MergeTable merges, List<@Nullable String> texts) {
    List<Object> strings = new ArrayList<>();
    List<Object> pairs = new ArrayList<>();
    boolean ambiguous = false;
    for (int rank = 0; rank < merges.size(); rank++) {
      String left = String.valueOf(texts.get((int) (merges.pairAt(rank) >>> 32)));
      String right = String.valueOf(texts.get((int) merges.pairAt(rank)));
      ambiguous |= (left + right).indexOf(' ') >= 0;
      strings.add(left + " " + right);
      pairs.add(List.of(left, right));
    }
    return ambiguous ? pairs : strings;
  }
}
