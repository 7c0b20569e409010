package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Expresses a byte-level BPE as GGUF does, if GGUF can. */
final class VocabularyOfBpe {
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;

  /** The token that ends a text in GPT-2's vocabulary and those made after it. */
  private static final String END_OF_TEXT = "<|endoftext|>";

  private VocabularyOfBpe() {}

  static GgufVocabulary of(BpeTokenizer tokenizer, int rows) throws DataException {
    BpeTokenizer.Parts parts = tokenizer.parts();
    if (parts.texts().size() > rows) {
      throw new DataException(
          "the tokenizer has "
              + parts.texts().size()
              + " tokens, but the model's embedding only "
              + rows
              + " rows");
    }
    requireNoNormalizer(parts.settings().get("normalizer"));
    List<String> tokens = new ArrayList<>();
    List<Integer> types = new ArrayList<>();
    for (String text : parts.texts()) {
      types.add(text == null ? UNUSED : NORMAL);
      tokens.add(text == null ? unused(tokens.size()) : text);
    }
    int end = -1;
    for (AddedTokens.AddedToken token : parts.addedTokens().all()) {
      tokens.set(token.id(), token.content());
      types.set(token.id(), token.special() ? CONTROL : USER_DEFINED);
      end = token.content().equals(END_OF_TEXT) ? token.id() : end;
    }
    while (tokens.size() < rows) {
      types.add(UNUSED);
      tokens.add(unused(tokens.size()));
    }
    return new GgufVocabulary(
        "GGUF",
        "gpt2",
        GgufPreTokenizer.nameOf(parts.settings().get("pre_tokenizer"), ignoresMerges(parts)),
        Collections.unmodifiableList(tokens),
        Collections.unmodifiableList(types),
        merges(parts),
        end,
        end,
        false,
        null);
  }

  private static boolean ignoresMerges(BpeTokenizer.Parts parts) {
    return parts.model().options().ignoreMerges();
  }

  private static String unused(int id) {
    return "[PAD" + id + "]";
  }

  /** GGUF does not normalize; NFC changes little text, and llama.cpp's own converter drops it. */
  private static void requireNoNormalizer(@Nullable Object normalizer) throws DataException {
    boolean none =
        normalizer == null
            || (normalizer instanceof Map<?, ?> map && "NFC".equals(map.get("type")));
    if (!none) {
      throw new DataException("GGUF has no normalizer such as " + normalizer);
    }
  }

  private static List<String> merges(BpeTokenizer.Parts parts) throws DataException {
    List<String> merges = new ArrayList<>();
    MergeTable table = parts.model().merges();
    for (int rank = 0; rank < table.size(); rank++) {
      String left = String.valueOf(parts.texts().get((int) (table.pairAt(rank) >>> 32)));
      String right = String.valueOf(parts.texts().get((int) table.pairAt(rank)));
      if (left.indexOf(' ', 1) >= 0 || right.indexOf(' ') >= 0) {
        throw new DataException(
            "GGUF cannot write the merge of '" + left + "' and '" + right + "'");
      }
      merges.add(left + " " + right);
    }
    return merges;
  }
}
