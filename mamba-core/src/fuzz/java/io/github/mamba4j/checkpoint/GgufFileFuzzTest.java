package io.github.mamba4j.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** Feeds {@link GgufFile} with made-up files. */
class GgufFileFuzzTest {

  private static final FuzzedFile FILE = new FuzzedFile("model.gguf");

  @FuzzTest(maxDuration = "1m")
  void open_anyBytes_areRefusedOrReadable(byte[] bytes) throws IOException {
    FILE.read(bytes, GgufFile::read);
  }
}
