package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerFilesTest {

  @TempDir private Path folder;

  private static BpeTokenizer smallBpe() throws IOException {
    return BpeTrainer.builder()
        .vocabSize(300)
        .build()
        .train(List.of("the cat and the hat, それは猫です。それは犬です。")::forEach);
  }

  private Path fixture() throws IOException {
    Path file = folder.resolve("neox-style.tokenizer.json");
    try (InputStream in = getClass().getResourceAsStream("neox-style.tokenizer.json")) {
      Files.copy(in, file);
    }
    return file;
  }

  @Test
  void load_ofSaved_givesAnEqualTokenizer() throws IOException {
    RandomText random = new RandomText(5);
    List<String> texts = List.of(random.next(), random.next(), "the cat <|endoftext|> 猫🐍");
    for (Tokenizer tokenizer :
        List.of(new ByteTokenizer(), CharTokenizer.train(texts::forEach, 1000, 1), smallBpe())) {
      Path file = folder.resolve("tokenizer.json");
      tokenizer.save(file);
      Tokenizer loaded = Tokenizer.load(file);
      assertThat(loaded).hasSameClassAs(tokenizer);
      assertThat(loaded.vocabSize()).isEqualTo(tokenizer.vocabSize());
      assertThat(loaded.specialTokens()).isEqualTo(tokenizer.specialTokens());
      for (String text : texts) {
        assertThat(loaded.encode(text)).isEqualTo(tokenizer.encode(text));
      }
      Path again = folder.resolve("again.json");
      loaded.save(again);
      assertThat(again).hasSameBinaryContentAs(file);
    }
  }

  @Test
  void load_neoxStyleFixture_givesTheIdsOfThePythonLibrary() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(fixture());
    int cases = 0;
    try (InputStream in = getClass().getResourceAsStream("neox-style.cases.json")) {
      String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      for (JsonValue example : JsonValue.of("cases", Json.parse("cases", json)).items()) {
        String text = example.get("text").string();
        List<Integer> ids = new ArrayList<>();
        for (JsonValue id : example.get("ids").items()) {
          ids.add(id.nonNegativeInt());
        }
        int[] expected = ids.stream().mapToInt(Integer::intValue).toArray();
        assertThat(tokenizer.encode(text)).as("ids of \"%s\"", text).containsExactly(expected);
        assertThat(tokenizer.decode(expected)).isEqualTo(example.get("decoded").string());
        cases++;
      }
    }
    assertThat(cases).isEqualTo(24);
  }

  @Test
  void save_loadedFixture_keepsNormalizerAndIds() throws IOException {
    Tokenizer tokenizer = Tokenizer.load(fixture());
    tokenizer.save(folder.resolve("copy.json"));
    Tokenizer copy = Tokenizer.load(folder.resolve("copy.json"));
    String text = "e\u0301 か\u3099 naïve <|padding|>";
    assertThat(copy.encode(text)).isEqualTo(tokenizer.encode(text));
    assertThat(copy.decode(copy.encode(text))).isEqualTo("é が naïve <|padding|>");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "\"NFC\" ~ \"Nmt\" ~ key normalizer.type is \"Nmt\", which is not supported; supported are"
            + " NFC, NFD, NFKC, NFKD, Lowercase",
        "\"type\": \"ByteLevel\" ~ \"type\": \"UnicodeScripts\" ~ key pre_tokenizer.type is"
            + " \"UnicodeScripts\", which is not supported",
        "\"add_prefix_space\": false ~ \"add_space\": false ~ key pre_tokenizer.add_space is not"
            + " supported",
        "\"BPE\" ~ \"Unigram\" ~ key model.type is \"Unigram\", expected \"BPE\"",
        "\"dropout\": null ~ \"dropout\": 0.1 ~ key model.dropout is 0.1, expected null",
        "\"byte_fallback\": false ~ \"byte_fallback\": 1 ~ key model.byte_fallback is 1, expected"
            + " true or false",
        "\"unk_token\": null ~ \"unk_token\": \"<unk>\" ~ key model.unk_token is \"<unk>\","
            + " expected a token of model.vocab",
        "\"continuing_subword_prefix\": null ~ \"continuing_subword_prefix\": \"##\" ~ key"
            + " model.continuing_subword_prefix is \"##\", expected",
        "\"end_of_word_suffix\": null ~ \"end_of_word_suffix\": \"</w>\" ~ key"
            + " model.end_of_word_suffix is \"</w>\", expected",
        "\"truncation\": null ~ \"truncation\": {} ~ key truncation is an object, expected null",
        "\"fuse_unk\": false ~ \"surprise\": false ~ key model.surprise is not supported",
        "\"!\": 2 ~ \"!\": 3 ~ has the token id 3 twice, expected each id once",
        "\"!\": 2 ~ \"!\": 90000 ~ key model.vocab.! has the token id 90000, expected ids near 0 to"
            + " 2999 for 3000 tokens",
        "\"!\": 2 ~ \"!\": -2 ~ key model.vocab.! is -2, expected a whole number, not negative",
        "\"content\": \"<|padding ~ \"content\": \"<|endoftext ~ key added_tokens[1].content is"
            + " \"<|endoftext|>\" a second time",
        "\"content\": \"<|padding ~ \"content\": \"<|new ~ key added_tokens[1].id is 1, expected"
            + " 3000",
        "\"id\": 1 ~ \"id\": 7 ~ key model.vocab.<|padding|> is not the id 7 of added_tokens"
      })
  void load_whatIsNotSupported_isRefusedByName(String from, String to, String message)
      throws IOException {
    Path file = fixture();
    String text = Files.readString(file);
    assertThat(text).contains(from.strip());
    int at = text.indexOf(from.strip());
    Files.writeString(
        file, text.substring(0, at) + to.strip() + text.substring(at + from.strip().length()));
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Tokenizer.load(file))
        .withMessageStartingWith(file + ": ")
        .withMessageContaining(message.strip())
        .extracting(Throwable::getMessage)
        .asString()
        .doesNotContain("\n");
  }

  @Test
  void load_brokenMerges_areRefused() throws IOException {
    String[][] changes = {
      {"\"merges\": [\"", "\"merges\": [\"x", "needs the token \"x"},
      {"\"merges\": [\"", "\"merges\": [\"one two three\",\"", "two tokens with a space"},
      {
        "\"merges\": [\"", "\"merges\": [[\"a\"],\"", "key model.merges[0] has 1 tokens, expected 2"
      },
      {"\"merges\": [\"", "\"merges\": [7,\"", "key model.merges[0] is 7, expected an array"},
    };
    Path file = folder.resolve("bpe.json");
    smallBpe().save(file);
    String text = Files.readString(file);
    for (String[] change : changes) {
      assertThat(text).contains(change[0]);
      assertRefused(text.replace(change[0], change[1]), change[2]);
    }
  }

  @Test
  void load_brokenOwnFiles_areRefused() throws IOException {
    String head = "{\"format\":\"mamba4j-tokenizer\",\"version\":1,\"type\":";
    assertRefused(head + "\"word\"}", "key type is \"word\", expected \"byte\" or \"char\"");
    assertRefused(head + "\"byte\",\"x\":1}", "key x is not supported");
    assertRefused(head + "\"char\"}", "key characters is missing or null, expected a string");
    assertRefused(head + "\"char\",\"characters\":\"aba\"}", "names a character twice");
    assertRefused(head + "\"char\",\"characters\":\"\\ud800\"}", "");
    assertRefused("{\"format\":\"x\"}", "key format is \"x\", expected \"mamba4j-tokenizer\"");
    assertRefused(
        "{\"format\":\"mamba4j-tokenizer\",\"version\":2}", "key version is 2, expected 1");
    assertRefused("{}", "has neither \"format\" nor \"model\"");
    assertRefused("[]", "is not a JSON object");
    assertRefused("", "is empty, expected a JSON value");
    assertRefused("{\"format\":", "line 1 column 11: not JSON");
    assertRefused(head + "\"byte\"} x", "not JSON");
    assertRefused(head + "\"byte\"} 1", "text after the end of the JSON value");
    assertRefused(head + "\"byte\",\"type\":\"char\"}", "duplicate key type");
  }

  private void assertRefused(String content, String message) throws IOException {
    Path file = folder.resolve("broken.json");
    Files.writeString(file, content);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Tokenizer.load(file))
        .withMessageStartingWith(file + ": ")
        .withMessageContaining(message);
  }

  @Test
  void load_missingFolderOrOtherEncoding_isRefused() throws IOException {
    Path missing = folder.resolve("missing.json");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Tokenizer.load(missing))
        .withMessage(missing + ": does not exist, expected a JSON file");
    Path latin = folder.resolve("latin.json");
    Files.write(latin, "{\"format\":\"é\"}".getBytes(StandardCharsets.ISO_8859_1));
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Tokenizer.load(latin))
        .withMessage(latin + ": is not UTF-8 text");
  }

  @Test
  void load_anyByteChanged_isRefusedOrLoads() throws IOException {
    Path file = folder.resolve("bpe.json");
    smallBpe().save(file);
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(1);
    for (int i = 0; i < 400; i++) {
      byte[] bytes = whole.clone();
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      Files.write(
          file, i % 4 == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes);
      try {
        Tokenizer tokenizer = Tokenizer.load(file);
        assertThat(tokenizer.decode(tokenizer.encode("the cat 猫"))).isNotNull();
      } catch (DataException e) {
        assertThat(e).hasMessageStartingWith(file + ": ");
        assertThat(e.getMessage().lines().count()).isEqualTo(1);
      }
    }
  }

  @Test
  void save_whereItCannot_leavesNothing() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> new ByteTokenizer().save(file.resolve("in/a/file.json")))
        .withMessageStartingWith(file + "/in/a/file.json: cannot be written (");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> new ByteTokenizer().save(folder))
        .withMessageStartingWith(folder + ": cannot be written (")
        .withMessageContaining("is a folder, expected a file to write");
    assertThat(folder).isDirectoryNotContaining(path -> !path.equals(file));
  }
}
