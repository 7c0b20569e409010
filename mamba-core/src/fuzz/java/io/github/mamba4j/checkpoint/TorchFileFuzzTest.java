package io.github.mamba4j.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** Feeds {@link TorchFile} with made-up files. */
class TorchFileFuzzTest {

  private static final FuzzedFile FILE = new FuzzedFile("pytorch_model.bin");

  @FuzzTest(maxDuration = "1m")
  void open_anyBytes_areRefusedOrReadable(byte[] bytes) throws IOException {
    FILE.read(bytes, TorchFile::read);
  }
}
