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
    return new ScanTrial(cell, Scan::new);
  }

  @Override
  public void close() {}

  private final class Scan implements ScanTrial.Scan {
    private final Backend backend = OwnCpu.open(threads);
    private final ScanRun run;
    private final boolean gradients;
    private boolean allocated;

    Scan(ScanChannels channels, boolean gradients) {
      this.gradients = gradients;
      run = new ScanRun(backend, channels);
    }

    @Override
    public void run() {
      if (!allocated) {
        run.allocate(gradients);
        allocated = true;
      }
      run.run();
    }

    @Override
    public void check(ScanChannels channels) {
      run.check();
    }

    @Override
    public void close() {
      backend.close();
    }
  }
}
