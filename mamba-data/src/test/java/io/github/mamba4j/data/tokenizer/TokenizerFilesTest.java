package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

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
    try (InputStream in = getClass().getResourceAsStream("neox-style.cases.json");
        JsonParser json =
            JsonFactory.builder().build().createParser(ObjectReadContext.empty(), in)) {
      String text = "";
      int[] ids = {};
      while (json.nextToken() != null) {
        if (json.currentToken() != JsonToken.PROPERTY_NAME) {
          continue;
        }
        String name = json.currentName();
        json.nextToken();
        switch (name) {
          case "text" -> text = json.getString();
          case "ids" -> ids = readInts(json);
          default -> {
            assertThat(tokenizer.encode(text)).as("ids of \"%s\"", text).containsExactly(ids);
            assertThat(tokenizer.decode(ids)).isEqualTo(json.getString());
            cases++;
          }
        }
      }
    }
    assertThat(cases).isEqualTo(24);
  }

  private static int[] readInts(JsonParser json) {
    var ints = java.util.stream.IntStream.builder();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      ints.add(json.getIntValue());
    }
    return ints.build().toArray();
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
        "\"NFC\" ~ \"NFKC\" ~ key normalizer.type is \"NFKC\", expected \"NFC\"",
        "\"BPE\" ~ \"Unigram\" ~ key model.type is \"Unigram\", expected \"BPE\"",
        "\"dropout\": null ~ \"dropout\": 0.1 ~ key model.dropout is 0.1, expected null",
        "\"byte_fallback\": false ~ \"byte_fallback\": true ~ key model.byte_fallback is true,"
            + " expected false",
        "\"ignore_merges\": false ~ \"ignore_merges\": true ~ key model.ignore_merges is true,"
            + " expected false",
        "\"truncation\": null ~ \"truncation\": {} ~ key truncation is an object, expected null",
        "\"single_word\": false ~ \"single_word\": true ~ key added_tokens[0].single_word is true,"
            + " expected false",
        "\"lstrip\": false ~ \"lstrip\": true ~ key added_tokens[0].lstrip is true, expected false",
        "\"normalized\": false ~ \"normalized\": true ~ key added_tokens[0].normalized is true,"
            + " expected false",
        "\"add_prefix_space\": false ~ \"add_prefix_space\": true ~ key"
            + " pre_tokenizer.add_prefix_space is true, expected false",
        "\"fuse_unk\": false ~ \"surprise\": false ~ key model.surprise is not supported",
        "\"!\": 2 ~ \"!\": 3 ~ has the token id 3 twice, expected each id once",
        "\"!\": 2 ~ \"!\": 90000 ~ has the token id 90000, expected the 3000 ids 0 to 2999 without"
            + " gaps",
        "\"!\": 2 ~ \"!\": -2 ~ key model.vocab.! is -2, expected a whole number, not negative",
        "\"!\": 2 ~ \"\u3042\": 2 ~ has a character outside the byte-level alphabet",
        "\"!\": 2 ~ \"!!!!!!!!!!!!!\": 2 ~ has no token \"!\" for the byte 0x21",
        "\"content\": \"<|padding ~ \"content\": \"<|endoftext ~ key model.vocab.<|endoftext|> is"
            + " not the id 1 of added_tokens",
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
      {"\"merges\":[\"", "\"merges\":[\"x", "needs the token \"x"},
      {"\"merges\":[\"", "\"merges\":[\"one two three\",\"", "expected two tokens with a space"},
      {"\"merges\":[\"", "\"merges\":[[\"a\"],\"", "key model.merges[0] has 1 tokens, expected 2"},
      {"\"merges\":[\"", "\"merges\":[7,\"", "key model.merges[0] is 7, expected an array"},
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
    assertRefused("", "is not a JSON object");
    assertRefused("{\"format\":", "is not JSON at line 1");
    assertRefused(head + "\"byte\"} x", "is not JSON at line 1");
    assertRefused(head + "\"byte\"} 1", "has more text after the JSON object");
    assertRefused(head + "\"byte\",\"type\":\"char\"}", "is not JSON at line 1");
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
        .withMessage(missing + ": cannot be read (no such file)");
    Path latin = folder.resolve("latin.json");
    Files.write(latin, "{\"format\":\"é\"}".getBytes(StandardCharsets.ISO_8859_1));
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Tokenizer.load(latin))
        .withMessage(latin + ": is not UTF-8, expected a JSON file in UTF-8");
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
    Path file = folder.resolve("no/such/folder.json");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> new ByteTokenizer().save(file))
        .withMessage(
            file + ": cannot be written, its folder does not exist; make the folder first");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> new ByteTokenizer().save(folder))
        .withMessage(folder + ": cannot be written, it is a folder; name a file");
    assertThat(folder).isEmptyDirectory();
  }
}
