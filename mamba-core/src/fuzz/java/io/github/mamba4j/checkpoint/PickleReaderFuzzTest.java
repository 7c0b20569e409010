package io.github.mamba4j.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.MemorySegment;

/** Feeds {@link PickleReader} with made-up pickles, without an archive around them. */
class PickleReaderFuzzTest {

  @FuzzTest(maxDuration = "1m")
  void readStateDict_anyBytes_areRefusedOrReadable(byte[] bytes) {
    try {
      PickleReader.readStateDict("pickle", MemorySegment.ofArray(bytes));
    } catch (CheckpointException refused) {
      FuzzedFile.requireOneLine(refused);
    }
  }
}
