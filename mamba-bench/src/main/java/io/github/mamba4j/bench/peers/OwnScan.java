package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.ScanChannels;
import io.github.mamba4j.bench.ScanRun;
import io.github.mamba4j.spi.Backend;
import java.util.Map;

/** Mamba4J's selective scan. */
final class OwnScan implements Contestant {
  private final int threads;

  OwnScan(Setting setting) {
    threads = setting.threads();
  }

  @Override
  public Map<String, Object> describe() {
    return OwnCpu.describe();
  }

  @Override
  public Trial prepare(String cell) {
    boolean gradients = ScanWork.withGradients(cell);
    try (Backend backend = OwnCpu.open(threads)) {
      ScanRun small = new ScanRun(backend, ScanWork.small());
      small.allocate(gradients);
      ScanWork.warmUp(small);
    }
    Backend backend = OwnCpu.open(threads);
    ScanChannels channels = ScanWork.channels(cell);
    ScanRun run = new ScanRun(backend, channels);
    ProcessMemory memory = ProcessMemory.watch();
    run.allocate(gradients);
    run.run();
    long peak = memory.growth();
    run.check();
    return new Trial() {
      @Override
      public double seconds() {
        return Trial.time(run);
      }

      @Override
      public Map<String, Object> facts() {
        return Map.of(PEAK_BYTES, peak);
      }

      @Override
      public void close() {
        backend.close();
      }
    };
  }

  @Override
  public void close() {}
}
