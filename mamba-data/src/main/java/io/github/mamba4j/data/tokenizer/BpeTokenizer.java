package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Byte-pair encoding (Sennrich et al. 2016), as a rule over the bytes of UTF-8 (Radford et al.
 * 2019): the text is cut into pieces, the bytes of a piece are its first symbols, and learned
 * merges join them. A byte-level vocabulary with all bytes encodes every text, and what was not
 * normalized decodes to itself.
 *
 * <p>Trained by {@link BpeTrainer} (then the pieces are those of GPT-2's regular expression), read
 * from Hugging Face's {@code tokenizer.json} by {@link Tokenizer#load} or from the values of a GGUF
 * file by {@link #fromGguf}; saved as {@code tokenizer.json}, which Python's {@code tokenizers} and
 * {@code transformers} load. Ids are those of the Python library.
 *
 * <p>A tokenizer from a file may normalize the text before it encodes it; then it decodes to its
 * normalized form. Decoding gives added tokens their literal text.
 */
public final class BpeTokenizer extends VocabularyTokenizer {

  /**
   * What a tokenizer is made of.
   *
   * @param texts the tokens as the file writes them, by id; null where an id has none
   * @param settings the normalizer, pre-tokenizer, post-processor and decoder as the file has them
   */
  record Parts(
      List<@Nullable String> texts,
      AddedTokens addedTokens,
      TextNormalizer normalizer,
      List<PreTokenizer> preTokenizers,
      BpeModel model,
      PostProcessor postProcessor,
      TokenDecoder decoder,
      Map<String, @Nullable Object> settings) {}

  /** Takes the parts of a text in order: tokens, and stretches to be cut into pieces. */
  private interface Segments {
    void token(int id);

    void stretch(char[] text, boolean atStart);
  }

  /** Longer stretches are encoded in parts of about this many characters. */
  private static final int CHUNK_CHARS = 1 << 16;

  private final Parts parts;
  private final BpeModel model;

  /** Without the step to the byte alphabet where the model does it. */
  private final List<PreTokenizer> steps;

  /** The parts are owned by the tokenizer from here on. */
  BpeTokenizer(Parts parts) {
    super(tokenBytes(parts), parts.addedTokens());
    this.parts = parts;
    this.model = parts.model();
    List<PreTokenizer> all = parts.preTokenizers();
    this.steps = List.copyOf(model.takesBytes() ? all.subList(0, all.size() - 1) : all);
  }

  /** Makes a byte-level tokenizer without options, as training gives it. */
  static BpeTokenizer trained(
      List<@Nullable String> texts,
      Map<String, Integer> vocab,
      AddedTokens addedTokens,
      MergeTable merges) {
    return new BpeTokenizer(
        new Parts(
            texts,
            addedTokens,
            TextNormalizer.NONE,
            List.of(new PreTokenizers.Scan(PieceScanner.GPT2), new PreTokenizers.ToByteAlphabet()),
            new BpeModel(vocab, merges, BpeModel.Options.NONE, true),
            PostProcessor.NONE,
            TokenDecoder.byteLevel(),
            HuggingFaceWriter.trainedSettings()));
  }

  private static byte[][] tokenBytes(Parts parts) {
    List<@Nullable String> texts = parts.texts();
    boolean[] literal = new boolean[texts.size()];
    parts.addedTokens().all().forEach(token -> literal[token.id()] = true);
    byte[][] bytes = new byte[texts.size()][];
    for (int id = 0; id < bytes.length; id++) {
      bytes[id] = parts.decoder().bytesOf(texts.get(id), literal[id]);
    }
    return bytes;
  }

  /**
   * Makes a tokenizer of what a GGUF file holds.
   *
   * @param vocabulary the values of the file's {@code tokenizer.ggml} keys
   * @return the tokenizer
   * @throws DataException if the values contradict each other or ask for something that is not
   *     supported; the message names it
   */
  public static BpeTokenizer fromGguf(GgufVocabulary vocabulary) throws DataException {
    return GgufReader.read(vocabulary);
  }

  Parts parts() {
    return parts;
  }

  MergeTable merges() {
    return model.merges();
  }

  /**
   * Encodes text as {@link #encode(String)} does, with or without the tokens that the file's
   * post-processor puts around a text (Python's {@code add_special_tokens}).
   *
   * @param text well-formed text
   * @param addSpecialTokens whether to put them around the text
   * @return the token ids
   * @throws IllegalArgumentException if the text holds an unpaired surrogate
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    checkText("encode", text);
    TokenBuffer out = new TokenBuffer(text.length() / 3);
    if (addSpecialTokens) {
      encodeInto(text, true, out);
    } else {
      encodeBare(text, true, out);
    }
    return out.toArray();
  }

  @Override
  void encodeInto(String text, boolean withSpecials, TokenBuffer out) {
    if (withSpecials) {
      parts.postProcessor().addBefore(out);
    }
    encodeBare(text, withSpecials, out);
    if (withSpecials) {
      parts.postProcessor().addAfter(out);
    }
  }

  private void encodeBare(String text, boolean withSpecials, TokenBuffer out) {
    PieceSink sink = chain(0, out);
    segment(
        text,
        withSpecials,
        new Segments() {
          @Override
          public void token(int id) {
            out.add(id);
          }

          @Override
          public void stretch(char[] chars, boolean atStart) {
            sink.piece(chars, 0, chars.length, atStart);
          }
        });
  }

  /** The steps from {@code first} on, then the model. */
  private PieceSink chain(int first, TokenBuffer out) {
    int[] scratch = BpeModel.scratch();
    PieceSink sink = (text, from, to, atStart) -> model.encode(text, from, to, scratch, out);
    for (int i = steps.size() - 1; i >= first; i--) {
      PreTokenizer step = steps.get(i);
      PieceSink next = sink;
      sink = (text, from, to, atStart) -> step.cut(text, from, to, atStart, next);
    }
    return sink;
  }

  /** Cuts added tokens out, before and after normalization. */
  private void segment(String text, boolean withSpecials, Segments out) {
    addedTokens()
        .split(
            text,
            withSpecials,
            new AddedTokens.Sink() {
              @Override
              public void token(int id) {
                out.token(id);
              }

              @Override
              public void stretch(String whole, int from, int to) {
                String normalized = parts.normalizer().normalize(whole.substring(from, to));
                segmentNormalized(normalized, withSpecials, from == 0, out);
              }
            });
  }

  private void segmentNormalized(String text, boolean withSpecials, boolean atStart, Segments out) {
    addedTokens()
        .splitNormalized(
            text,
            withSpecials,
            new AddedTokens.Sink() {
              @Override
              public void token(int id) {
                out.token(id);
              }

              @Override
              public void stretch(String whole, int from, int to) {
                char[] chars = new char[to - from];
                whole.getChars(from, to, chars, 0);
                out.stretch(chars, atStart && from == 0);
              }
            });
  }

  /** A part of a text that can be encoded on its own; the ids of all parts make up the text's. */
  @FunctionalInterface
  interface Part {
    void encodeInto(TokenBuffer out);
  }

  /**
   * Cuts the work of encoding a text into parts. Where it cuts depends on the text alone: at added
   * tokens, and where every scanner ends a piece.
   */
  List<Part> parts(String text, boolean withSpecials) {
    List<Part> work = new ArrayList<>();
    if (withSpecials) {
      work.add(parts.postProcessor()::addBefore);
    }
    segment(
        text,
        withSpecials,
        new Segments() {
          @Override
          public void token(int id) {
            work.add(out -> out.add(id));
          }

          @Override
          public void stretch(char[] chars, boolean atStart) {
            addChunks(chars, atStart, work);
          }
        });
    if (withSpecials) {
      work.add(parts.postProcessor()::addAfter);
    }
    return work;
  }

  private void addChunks(char[] chars, boolean atStart, List<Part> work) {
    int first = 0;
    char[][] text = {chars};
    if (!steps.isEmpty() && steps.getFirst() instanceof PreTokenizers.PrefixSpace prefix) {
      first = 1;
      prefix.cut(
          chars,
          0,
          chars.length,
          atStart,
          (prefixed, from, to, start) ->
              text[0] = java.util.Arrays.copyOfRange(prefixed, from, to));
    }
    char[] whole = text[0];
    int rest = first;
    if (rest >= steps.size() || !(steps.get(rest) instanceof PreTokenizers.Scan scan)) {
      work.add(out -> chain(rest, out).piece(whole, 0, whole.length, atStart));
      return;
    }
    for (int from = 0; from < whole.length; ) {
      int start = from;
      int limit = chunkEnd(whole, from);
      work.add(out ->
          scan.cutPart(
              whole, start, limit, whole.length, atStart && start == 0, chain(rest + 1, out)));
      from = limit;
    }
  }

  private static int chunkEnd(char[] text, int from) {
    for (int at = from + CHUNK_CHARS; at < text.length; at++) {
      if (PieceScanner.alwaysCutBetween(text[at - 1], text[at])) {
        return at;
      }
    }
    return text.length;
  }

  @Override
  public String decode(int[] tokenIds) {
    if (parts.decoder().joinsBytes()) {
      return super.decode(tokenIds);
    }
    List<String> tokens = new ArrayList<>();
    for (int id : tokenIds) {
      checkId("decode", "tokenIds", id);
      String text = parts.texts().get(id);
      if (text != null) {
        tokens.add(text);
      }
    }
    return parts.decoder().decode(tokens);
  }

  @Override
  public void save(Path file) throws IOException {
    TokenizerFiles.write(file, HuggingFaceWriter.write(this));
  }
}
