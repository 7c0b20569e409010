package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns the tokenizer of a GGUF file into the {@code tokenizer.json} that means the same, and reads
 * that. The file says by a name alone how text is cut; the names and their rules are those of
 * llama.cpp. It does not say whether text is normalized, and llama.cpp does not normalize.
 */
final class GgufReader {

  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int LAST_TYPE = 6;

  private GgufReader() {}

  static BpeTokenizer read(GgufVocabulary gguf) throws DataException {
    check(gguf);
    GgufPreTokenizer pre = GgufPreTokenizer.named(gguf);
    Map<String, @Nullable Object> file = new LinkedHashMap<>();
    file.put("version", "1.0");
    Map<String, Object> vocab = new LinkedHashMap<>();
    List<Object> added = new ArrayList<>();
    for (int id = 0; id < gguf.tokens().size(); id++) {
      String token = gguf.tokens().get(id);
      String text = token.isEmpty() ? "[EMPTY_" + id + "]" : token;
      if (vocab.put(text, (long) id) != null) {
        throw error(gguf, "tokens[" + id + "]", "is \"" + text + "\" a second time");
      }
      int type = gguf.tokenTypes() == null ? 1 : gguf.tokenTypes().get(id);
      if (type == UNKNOWN || type == CONTROL || type == USER_DEFINED) {
        added.add(
            new LinkedHashMap<>(
                Map.of(
                    "id",
                    (long) id,
                    "content",
                    text,
                    "normalized",
                    false,
                    "special",
                    type != USER_DEFINED)));
      }
    }
    file.put("added_tokens", added);
    file.put("pre_tokenizer", pre.json());
    file.put("post_processor", postProcessor(gguf, pre));
    file.put("decoder", HuggingFaceWriter.byteLevel(true));
    Map<String, @Nullable Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("ignore_merges", pre.ignoreMerges());
    model.put("vocab", vocab);
    model.put("merges", merges(gguf));
    file.put("model", model);
    return HuggingFaceReader.read(JsonValue.of(gguf.source() + ": tokenizer", file));
  }

  private static void check(GgufVocabulary gguf) throws DataException {
    if (!gguf.model().equals("gpt2")) {
      throw error(
          gguf, "model", "is \"" + gguf.model() + "\", which is not supported; supported is gpt2");
    }
    int size = gguf.tokens().size();
    List<Integer> types = gguf.tokenTypes();
    if (types != null && types.size() != size) {
      throw error(
          gguf, "token_type", "has " + types.size() + " values, expected " + size + " as tokens");
    }
    for (int id = 0; types != null && id < size; id++) {
      if (types.get(id) < 0 || types.get(id) > LAST_TYPE) {
        throw error(
            gguf, "token_type[" + id + "]", "is " + types.get(id) + ", expected 0 to " + LAST_TYPE);
      }
    }
    for (int id = 0; id < size; id++) {
      if (VocabularyTokenizer.unpairedSurrogate(gguf.tokens().get(id)) >= 0) {
        throw error(gguf, "tokens[" + id + "]", "has an unpaired surrogate, expected text");
      }
    }
    checkId(gguf, "bos_token_id", gguf.bosId());
    checkId(gguf, "eos_token_id", gguf.eosId());
  }

  private static void checkId(GgufVocabulary gguf, String key, int id) throws DataException {
    if (id < -1 || id >= gguf.tokens().size()) {
      throw error(
          gguf,
          key,
          String.format(
              Locale.ROOT, "is %d, expected -1 (none) to %d", id, gguf.tokens().size() - 1));
    }
  }

  static DataException error(GgufVocabulary gguf, String key, String what) {
    return new DataException(gguf.source() + ": key tokenizer.ggml." + key + " " + what);
  }

  /** The merges as pairs, each once: of equal ones the first counts in llama.cpp. */
  private static List<Object> merges(GgufVocabulary gguf) throws DataException {
    Set<Object> pairs = new LinkedHashSet<>();
    for (int rank = 0; rank < gguf.merges().size(); rank++) {
      String merge = gguf.merges().get(rank);
      int space = merge.indexOf(' ', 1);
      if (space < 0 || space + 1 == merge.length()) {
        throw error(
            gguf,
            "merges[" + rank + "]",
            "is \"" + merge + "\", expected two tokens with a space between");
      }
      pairs.add(List.of(merge.substring(0, space), merge.substring(space + 1)));
    }
    return new ArrayList<>(pairs);
  }

  private static @Nullable Object postProcessor(GgufVocabulary gguf, GgufPreTokenizer pre)
      throws DataException {
    boolean bos = gguf.addBos() == null ? pre.addBos() && gguf.bosId() >= 0 : gguf.addBos();
    boolean eos = gguf.addEos() != null && gguf.addEos();
    if (!bos && !eos) {
      return null;
    }
    List<Object> single = new ArrayList<>();
    Map<String, Object> specials = new LinkedHashMap<>();
    if (bos) {
      single.add(special(gguf, "add_bos_token", gguf.bosId(), specials));
    }
    single.add(Map.of("Sequence", new LinkedHashMap<>(Map.of("id", "A", "type_id", 0))));
    if (eos) {
      single.add(special(gguf, "add_eos_token", gguf.eosId(), specials));
    }
    List<Object> pair = new ArrayList<>(single);
    pair.add(Map.of("Sequence", new LinkedHashMap<>(Map.of("id", "B", "type_id", 1))));
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", "TemplateProcessing");
    json.put("single", single);
    json.put("pair", pair);
    json.put("special_tokens", specials);
    return json;
  }

  private static Object special(
      GgufVocabulary gguf, String key, int id, Map<String, Object> specials) throws DataException {
    if (id < 0) {
      throw error(gguf, key, "is true, expected false where the file names no such token");
    }
    String name = gguf.tokens().get(id);
    Map<String, Object> token = new LinkedHashMap<>();
    token.put("id", name);
    token.put("ids", List.of((long) id));
    token.put("tokens", List.of(name));
    specials.put(name, token);
    return Map.of("SpecialToken", new LinkedHashMap<>(Map.of("id", name, "type_id", 0)));
  }
}
