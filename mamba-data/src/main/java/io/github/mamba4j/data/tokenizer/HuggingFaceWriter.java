package io.github.mamba4j.data.tokenizer;

import tools.jackson.core.JsonGenerator;

/** Writes a byte-level BPE as Hugging Face's {@code tokenizer.json}, version 1.0. */
final class HuggingFaceWriter {

  private final BpeTokenizer tokenizer;
  private final JsonGenerator json;

  private HuggingFaceWriter(BpeTokenizer tokenizer, JsonGenerator json) {
    this.tokenizer = tokenizer;
    this.json = json;
  }

  static void write(BpeTokenizer tokenizer, JsonGenerator json) {
    new HuggingFaceWriter(tokenizer, json).write();
  }

  private void write() {
    json.writeStartObject();
    json.writeStringProperty("version", "1.0");
    json.writeNullProperty("truncation");
    json.writeNullProperty("padding");
    writeAddedTokens();
    if (tokenizer.normalizes()) {
      json.writeObjectPropertyStart("normalizer");
      json.writeStringProperty("type", "NFC");
      json.writeEndObject();
    } else {
      json.writeNullProperty("normalizer");
    }
    writeByteLevel("pre_tokenizer");
    json.writeNullProperty("post_processor");
    writeByteLevel("decoder");
    writeModel();
    json.writeEndObject();
  }

  private void writeAddedTokens() {
    json.writeArrayPropertyStart("added_tokens");
    for (AddedTokens.AddedToken token : tokenizer.addedTokens().all()) {
      json.writeStartObject();
      json.writeNumberProperty("id", token.id());
      json.writeStringProperty("content", token.content());
      json.writeBooleanProperty("single_word", false);
      json.writeBooleanProperty("lstrip", false);
      json.writeBooleanProperty("rstrip", false);
      json.writeBooleanProperty("normalized", false);
      json.writeBooleanProperty("special", token.special());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void writeByteLevel(String name) {
    json.writeObjectPropertyStart(name);
    json.writeStringProperty("type", "ByteLevel");
    json.writeBooleanProperty("add_prefix_space", false);
    json.writeBooleanProperty("trim_offsets", true);
    json.writeBooleanProperty("use_regex", true);
    json.writeEndObject();
  }

  private void writeModel() {
    json.writeObjectPropertyStart("model");
    json.writeStringProperty("type", "BPE");
    json.writeNullProperty("dropout");
    json.writeNullProperty("unk_token");
    json.writeNullProperty("continuing_subword_prefix");
    json.writeNullProperty("end_of_word_suffix");
    json.writeBooleanProperty("fuse_unk", false);
    json.writeBooleanProperty("byte_fallback", false);
    json.writeBooleanProperty("ignore_merges", false);
    String[] texts = new String[tokenizer.vocabSize()];
    for (AddedTokens.AddedToken token : tokenizer.addedTokens().all()) {
      texts[token.id()] = token.content();
    }
    json.writeObjectPropertyStart("vocab");
    for (int id = 0; id < texts.length; id++) {
      if (texts[id] == null) {
        texts[id] = ByteAlphabet.encode(tokenizer.bytesOf(id));
      }
      json.writeNumberProperty(texts[id], id);
    }
    json.writeEndObject();
    MergeTable merges = tokenizer.merges();
    json.writeArrayPropertyStart("merges");
    for (int rank = 0; rank < merges.size(); rank++) {
      long pair = merges.pairAt(rank);
      // The older of the two forms: every version of the Python library reads it.
      json.writeString(texts[(int) (pair >>> 32)] + " " + texts[(int) pair]);
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}
