package io.github.mamba4j.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;

/** Feeds {@link ShardedFile} with made-up files. */
class ShardedFileFuzzTest {

  private static final FuzzedFile FILE = new FuzzedFile("model.safetensors.index.json");

  @FuzzTest(maxDuration = "1m")
  void open_anyBytes_areRefusedOrReadable(byte[] bytes) throws IOException {
    FILE.open(bytes, ShardedFile::open);
  }
}
