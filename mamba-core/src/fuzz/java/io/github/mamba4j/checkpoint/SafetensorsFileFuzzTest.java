package io.github.mamba4j.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** Feeds {@link SafetensorsFile} with made-up files. */
class SafetensorsFileFuzzTest {

  private static final FuzzedFile FILE = new FuzzedFile("model.safetensors");

  @FuzzTest(maxDuration = "1m")
  void open_anyBytes_areRefusedOrReadable(byte[] bytes) throws IOException {
    FILE.open(bytes, SafetensorsFile::open);
  }
}
