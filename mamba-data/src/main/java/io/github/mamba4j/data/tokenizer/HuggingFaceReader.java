package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a BPE in Hugging Face's {@code tokenizer.json} form. What it does not know it refuses by
 * name: an option that is skipped would give other ids than Python, silently.
 */
final class HuggingFaceReader {

  private static final System.Logger LOG = System.getLogger(HuggingFaceReader.class.getName());

  /** The parts of the file that are written again as they came. */
  static final List<String> SETTINGS =
      List.of("normalizer", "pre_tokenizer", "post_processor", "decoder");

  /** How many ids may be without a token beside those with one. */
  private static final int MAX_GAPS = 1024;

  private final JsonValue root;
  private final JsonValue model;

  private HuggingFaceReader(JsonValue root) throws DataException {
    this.root = root;
    this.model = root.get("model");
  }

  static BpeTokenizer read(JsonValue root) throws DataException {
    return new HuggingFaceReader(root).read();
  }

  private BpeTokenizer read() throws DataException {
    checkSettings();
    TextNormalizer normalizer = TextNormalizer.read(root.get("normalizer"));
    List<PreTokenizer> preTokenizers = PreTokenizers.read(root.get("pre_tokenizer"));
    TokenDecoder decoder = TokenDecoder.read(root.get("decoder"));
    Map<String, Integer> vocab = readVocabulary();
    AddedTokens addedTokens = readAddedTokens(vocab, normalizer);
    List<@Nullable String> texts = textsById(vocab, addedTokens);
    PostProcessor postProcessor = PostProcessor.read(root.get("post_processor"), texts.size());
    boolean byteLevel =
        preTokenizers.stream().anyMatch(PreTokenizers.ToByteAlphabet.class::isInstance);
    boolean bytesLast =
        byteLevel && preTokenizers.getLast() instanceof PreTokenizers.ToByteAlphabet;
    BpeModel bpe = new BpeModel(vocab, readMerges(vocab), readOptions(vocab), bytesLast);
    String missing = bpe.unencodable(byteLevel);
    if (missing != null) {
      LOG.log(Level.WARNING, "{0}", model.error("has " + missing + "; text loses it").getMessage());
    }
    Map<String, @Nullable Object> settings = new LinkedHashMap<>();
    for (String name : SETTINGS) {
      settings.put(name, root.get(name).plain());
    }
    return new BpeTokenizer(
        new BpeTokenizer.Parts(
            texts, addedTokens, normalizer, preTokenizers, bpe, postProcessor, decoder, settings));
  }

  private void checkSettings() throws DataException {
    root.allowOnly(
        "version",
        "truncation",
        "padding",
        "added_tokens",
        "normalizer",
        "pre_tokenizer",
        "post_processor",
        "decoder",
        "model");
    root.get("version").expect("1.0");
    root.get("truncation").expect(null);
    root.get("padding").expect(null);
    model.get("type").expectNullOr("BPE");
    model.allowOnly(
        "type",
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges",
        "vocab",
        "merges");
    model.get("dropout").expect(null);
    model.get("continuing_subword_prefix").expectNullOr("");
    model.get("end_of_word_suffix").expectNullOr("");
  }

  private BpeModel.Options readOptions(Map<String, Integer> vocab) throws DataException {
    String unkToken = model.has("unk_token") ? model.get("unk_token").string() : null;
    if (unkToken != null && !vocab.containsKey(unkToken)) {
      throw model
          .get("unk_token")
          .error("is \"" + unkToken + "\", expected a token of model.vocab");
    }
    return new BpeModel.Options(
        unkToken,
        model.get("fuse_unk").boolOr(false),
        model.get("byte_fallback").boolOr(false),
        model.get("ignore_merges").boolOr(false));
  }

  private Map<String, Integer> readVocabulary() throws DataException {
    Map<String, Integer> vocab = new LinkedHashMap<>();
    Set<Integer> ids = new HashSet<>();
    JsonValue json = model.get("vocab");
    for (Map.Entry<String, JsonValue> entry : json.members().entrySet()) {
      int id = entry.getValue().nonNegativeInt();
      if (!ids.add(id)) {
        throw twice(entry.getValue(), id);
      }
      if (VocabularyTokenizer.unpairedSurrogate(entry.getKey()) >= 0) {
        throw entry.getValue().error("names a token with an unpaired surrogate, expected text");
      }
      vocab.put(entry.getKey(), id);
    }
    if (vocab.isEmpty()) {
      throw json.error("is empty, expected tokens");
    }
    return vocab;
  }

  private static DataException twice(JsonValue where, int id) {
    return where.error(
        String.format(Locale.ROOT, "has the token id %d twice, expected each id once", id));
  }

  private AddedTokens readAddedTokens(Map<String, Integer> vocab, TextNormalizer normalizer)
      throws DataException {
    List<AddedTokens.AddedToken> tokens = new ArrayList<>();
    if (root.get("added_tokens").isNull()) {
      return new AddedTokens(tokens, normalizer::normalize);
    }
    Set<String> contents = new HashSet<>();
    boolean gaps = vocab.values().stream().anyMatch(id -> id >= vocab.size());
    int nextId = vocab.size();
    for (JsonValue json : root.get("added_tokens").items()) {
      AddedTokens.AddedToken token = readAddedToken(json);
      if (!contents.add(token.content())) {
        throw json.get("content").error("is \"" + token.content() + "\" a second time");
      }
      Integer inVocab = vocab.get(token.content());
      if (inVocab != null && inVocab != token.id()) {
        throw model
            .get("vocab")
            .get(token.content())
            .error(String.format(Locale.ROOT, "is not the id %d of added_tokens", token.id()));
      }
      // Python's library numbers the others in the order of the file, whatever the file says.
      if (inVocab == null && token.id() != nextId++ && !gaps) {
        throw json.get("id")
            .error(
                String.format(
                    Locale.ROOT,
                    "is %d, expected %d, the next id after model.vocab",
                    token.id(),
                    nextId - 1));
      }
      if (token.normalized() && normalizer.normalize(token.content()).isEmpty()) {
        throw json.get("content")
            .error("is \"" + token.content() + "\", of which the normalizer leaves nothing");
      }
      tokens.add(token);
    }
    return new AddedTokens(tokens, normalizer::normalize);
  }

  private static AddedTokens.AddedToken readAddedToken(JsonValue json) throws DataException {
    json.allowOnly("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
    boolean special = json.get("special").boolOr(false);
    return new AddedTokens.AddedToken(
        json.get("id").nonNegativeInt(),
        json.get("content").text(),
        special,
        json.get("single_word").boolOr(false),
        json.get("lstrip").boolOr(false),
        json.get("rstrip").boolOr(false),
        json.get("normalized").boolOr(!special));
  }

  private List<@Nullable String> textsById(Map<String, Integer> vocab, AddedTokens addedTokens)
      throws DataException {
    Set<String> distinct = new HashSet<>(vocab.keySet());
    addedTokens.all().forEach(token -> distinct.add(token.content()));
    int largest = -1;
    String largestText = "";
    for (Map.Entry<String, Integer> entry : vocab.entrySet()) {
      if (entry.getValue() > largest) {
        largest = entry.getValue();
        largestText = entry.getKey();
      }
    }
    JsonValue where = model.get("vocab").get(largestText);
    for (AddedTokens.AddedToken token : addedTokens.all()) {
      if (token.id() > largest) {
        largest = token.id();
        where = root.get("added_tokens");
      }
    }
    if (largest >= 2L * distinct.size() + MAX_GAPS) {
      throw where.error(
          String.format(
              Locale.ROOT,
              "has the token id %d, expected ids near 0 to %d for %d tokens",
              largest,
              distinct.size() - 1,
              distinct.size()));
    }
    @Nullable String[] texts = new String[largest + 1]; // null where an id has no token
    vocab.forEach((token, id) -> texts[id] = token);
    for (AddedTokens.AddedToken token : addedTokens.all()) {
      String there = texts[token.id()];
      if (there != null && !there.equals(token.content())) {
        throw twice(root.get("added_tokens"), token.id());
      }
      texts[token.id()] = token.content();
    }
    return Arrays.asList(texts);
  }

  private MergeTable readMerges(Map<String, Integer> vocab) throws DataException {
    List<JsonValue> items = model.get("merges").items();
    long[] pairs = new long[items.size()];
    int[] newIds = new int[items.size()];
    int count = 0;
    for (JsonValue item : items) {
      String left;
      String right;
      if (item.isString()) {
        String text = item.string();
        if (text.startsWith("#version")) {
          continue; // the first line of the older merges.txt, which some files still have
        }
        int space = text.indexOf(' ');
        if (space < 1 || space + 1 == text.length() || text.indexOf(' ', space + 1) >= 0) {
          throw item.error("is \"" + text + "\", expected two tokens with a space between");
        }
        left = text.substring(0, space);
        right = text.substring(space + 1);
      } else {
        List<JsonValue> parts = item.items();
        if (parts.size() != 2) {
          throw item.error("has " + parts.size() + " tokens, expected 2");
        }
        left = parts.get(0).text();
        right = parts.get(1).text();
      }
      pairs[count] = MergeTable.pair(idOf(vocab, left, item), idOf(vocab, right, item));
      newIds[count] = idOf(vocab, left + right, item);
      count++;
    }
    return new MergeTable(Arrays.copyOf(pairs, count), Arrays.copyOf(newIds, count));
  }

  private static int idOf(Map<String, Integer> vocab, String token, JsonValue merge)
      throws DataException {
    Integer id = vocab.get(token);
    if (id == null) {
      throw merge.error("needs the token \"" + token + "\", expected it in model.vocab");
    }
    return id;
  }
}
