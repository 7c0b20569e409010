package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The tokens that go around a text.
 *
 * @param before the ids before it
 * @param after the ids after it
 */
record PostProcessor(List<Integer> before, List<Integer> after) {

  /** Nothing goes around the text. */
  static final PostProcessor NONE = new PostProcessor(List.of(), List.of());

  /** Reads a post-processor; null is none. */
  static PostProcessor read(JsonValue json, int vocabSize) throws DataException {
    if (json.isNull()) {
      return NONE;
    }
    return switch (json.get("type").string()) {
      case "ByteLevel" -> {
        // Moves offsets, which nobody asks for here.
        json.allowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
        yield NONE;
      }
      case "TemplateProcessing" -> template(json, vocabSize);
      case "Sequence" -> {
        json.allowOnly("type", "processors");
        PostProcessor all = NONE;
        for (JsonValue part : json.get("processors").items()) {
          all = all.inside(read(part, vocabSize));
        }
        yield all;
      }
      default -> throw json.unsupportedType("ByteLevel, TemplateProcessing, Sequence");
    };
  }

  private PostProcessor inside(PostProcessor outer) {
    return new PostProcessor(join(outer.before, before), join(after, outer.after));
  }

  private static List<Integer> join(List<Integer> first, List<Integer> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }

  private static PostProcessor template(JsonValue json, int vocabSize) throws DataException {
    json.allowOnly("type", "single", "pair", "special_tokens");
    List<Integer> before = new ArrayList<>();
    List<Integer> after = new ArrayList<>();
    boolean seen = false;
    for (JsonValue piece : json.get("single").items()) {
      piece.allowOnly("SpecialToken", "Sequence");
      if (piece.has("Sequence")) {
        piece.get("Sequence").get("id").expect("A");
        if (seen) {
          throw piece.error("is the text a second time, expected it once");
        }
        seen = true;
      } else {
        String name = piece.get("SpecialToken").get("id").string();
        JsonValue token = json.get("special_tokens").get(name);
        for (JsonValue id : token.get("ids").items()) {
          if (id.nonNegativeInt() >= vocabSize) {
            throw id.error("is " + id.nonNegativeInt() + ", expected 0 to " + (vocabSize - 1));
          }
          (seen ? after : before).add(id.nonNegativeInt());
        }
      }
    }
    if (!seen) {
      throw json.get("single").error("leaves the text out, expected the sequence A once");
    }
    return new PostProcessor(List.copyOf(before), List.copyOf(after));
  }

  /** Adds what goes before the text. */
  void addBefore(TokenBuffer out) {
    before.forEach(out::add);
  }

  /** Adds what goes after the text. */
  void addAfter(TokenBuffer out) {
    after.forEach(out::add);
  }
}
