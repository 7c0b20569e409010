package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads a byte-level BPE in Hugging Face's {@code tokenizer.json} form. What it does not know it
 * refuses by name: an option that is skipped would give other ids than Python, silently.
 */
final class HuggingFaceReader {

  /** The bytes that UTF-8 never has; vocabularies may do without them. */
  private static boolean neverInUtf8(int unsignedByte) {
    return unsignedByte == 0xC0 || unsignedByte == 0xC1 || unsignedByte >= 0xF5;
  }

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
    boolean normalizes = root.has("normalizer");
    AddedTokens addedTokens = readAddedTokens(normalizes);
    Map<String, JsonValue> vocab = model.get("vocab").members();
    byte[][] tokenBytes = readVocabulary(vocab, addedTokens);
    int[] idOfByte = BpeTokenizer.findBytes(tokenBytes, addedTokens);
    for (int b = 0; b < idOfByte.length; b++) {
      if (idOfByte[b] < 0 && !neverInUtf8(b)) {
        throw model
            .get("vocab")
            .error(
                String.format(
                    Locale.ROOT,
                    "has no token \"%s\" for the byte 0x%02X",
                    ByteAlphabet.symbolOf(b),
                    b));
      }
    }
    return new BpeTokenizer(tokenBytes, addedTokens, idOfByte, readMerges(vocab), normalizes);
  }

  private void checkSettings() throws DataException {
    root.allowOnly(
        List.of(
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
            "model"));
    root.get("version").expect("1.0");
    root.get("truncation").expect(null);
    root.get("padding").expect(null);
    if (root.has("normalizer")) {
      root.get("normalizer").get("type").expect("NFC");
      root.get("normalizer").allowOnly(List.of("type"));
    }
    checkByteLevel(root.get("pre_tokenizer"));
    root.get("pre_tokenizer").get("add_prefix_space").expect(false);
    root.get("pre_tokenizer").get("use_regex").expectNullOr(true);
    // As post-processor it moves offsets only, as decoder it has no choice: ids and text are the
    // same.
    if (root.has("post_processor")) {
      checkByteLevel(root.get("post_processor"));
    }
    checkByteLevel(root.get("decoder"));
    model.allowOnly(
        List.of(
            "type",
            "dropout",
            "unk_token",
            "continuing_subword_prefix",
            "end_of_word_suffix",
            "fuse_unk",
            "byte_fallback",
            "ignore_merges",
            "vocab",
            "merges"));
    model.get("type").expectNullOr("BPE");
    model.get("dropout").expect(null);
    model.get("unk_token").expect(null);
    model.get("continuing_subword_prefix").expectNullOr("");
    model.get("end_of_word_suffix").expectNullOr("");
    model.get("fuse_unk").expectNullOr(false);
    model.get("byte_fallback").expectNullOr(false);
    model.get("ignore_merges").expectNullOr(false);
  }

  private static void checkByteLevel(JsonValue value) throws DataException {
    value.get("type").expect("ByteLevel");
    value.allowOnly(List.of("type", "add_prefix_space", "trim_offsets", "use_regex"));
  }

  private AddedTokens readAddedTokens(boolean normalizes) throws DataException {
    List<AddedTokens.AddedToken> tokens = new ArrayList<>();
    if (root.get("added_tokens").isNull()) {
      return new AddedTokens(tokens);
    }
    for (JsonValue token : root.get("added_tokens").items()) {
      token.allowOnly(
          List.of("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"));
      token.get("single_word").expectNullOr(false);
      token.get("lstrip").expectNullOr(false);
      token.get("rstrip").expectNullOr(false);
      boolean special = token.get("special").bool();
      if (normalizes) {
        token.get("normalized").expect(false);
      }
      JsonValue content = token.get("content");
      if (content.string().isEmpty()
          || VocabularyTokenizer.unpairedSurrogate(content.string()) >= 0) {
        throw content.error("is empty or has an unpaired surrogate, expected text");
      }
      tokens.add(
          new AddedTokens.AddedToken(token.get("id").nonNegativeInt(), content.string(), special));
    }
    return new AddedTokens(tokens);
  }

  private byte[][] readVocabulary(Map<String, JsonValue> vocab, AddedTokens addedTokens)
      throws DataException {
    int added = 0;
    for (AddedTokens.AddedToken token : addedTokens.all()) {
      JsonValue inVocab = vocab.get(token.content());
      if (inVocab == null) {
        added++;
      } else if (inVocab.nonNegativeInt() != token.id()) {
        throw inVocab.error(
            String.format(Locale.ROOT, "is not the id %d of added_tokens", token.id()));
      }
    }
    byte[][] bytes = new byte[vocab.size() + added][];
    for (AddedTokens.AddedToken token : addedTokens.all()) {
      put(bytes, token.id(), token.content().getBytes(StandardCharsets.UTF_8), root);
    }
    for (Map.Entry<String, JsonValue> entry : vocab.entrySet()) {
      int id = entry.getValue().nonNegativeInt();
      if (isAdded(addedTokens, id, entry.getKey())) {
        continue;
      }
      byte[] decoded = ByteAlphabet.decode(entry.getKey());
      if (decoded == null || decoded.length == 0) {
        throw entry.getValue().error("has a character outside the byte-level alphabet");
      }
      put(bytes, id, decoded, entry.getValue());
    }
    return bytes;
  }

  private static boolean isAdded(AddedTokens addedTokens, int id, String content) {
    return addedTokens.all().stream()
        .anyMatch(token -> token.id() == id && token.content().equals(content));
  }

  private static void put(byte[][] bytes, int id, byte[] value, JsonValue where)
      throws DataException {
    if (id >= bytes.length) {
      throw where.error(
          String.format(
              Locale.ROOT,
              "has the token id %d, expected the %d ids 0 to %d without gaps",
              id,
              bytes.length,
              bytes.length - 1));
    }
    if (bytes[id] != null) {
      throw where.error(
          String.format(Locale.ROOT, "has the token id %d twice, expected each id once", id));
    }
    bytes[id] = value;
  }

  private MergeTable readMerges(Map<String, JsonValue> vocab) throws DataException {
    List<JsonValue> items = model.get("merges").items();
    long[] pairs = new long[items.size()];
    int[] newIds = new int[items.size()];
    for (int rank = 0; rank < pairs.length; rank++) {
      JsonValue item = items.get(rank);
      String left;
      String right;
      if (item.isString()) {
        String text = item.string();
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
        left = parts.get(0).string();
        right = parts.get(1).string();
      }
      pairs[rank] = MergeTable.pair(idOf(vocab, left, item), idOf(vocab, right, item));
      newIds[rank] = idOf(vocab, left + right, item);
    }
    return new MergeTable(pairs, newIds);
  }

  private static int idOf(Map<String, JsonValue> vocab, String token, JsonValue merge)
      throws DataException {
    JsonValue id = vocab.get(token);
    if (id == null) {
      throw merge.error("needs the token \"" + token + "\", expected it in model.vocab");
    }
    return id.nonNegativeInt();
  }
}
