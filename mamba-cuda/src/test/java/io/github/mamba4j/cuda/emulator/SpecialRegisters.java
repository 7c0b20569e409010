package io.github.mamba4j.cuda.emulator;

import java.util.Arrays;
import java.util.Map;

/** Fills the registers that stand for constants and for special registers. */
final class SpecialRegisters {
  private SpecialRegisters() {}

  /** A special register's value in a lane. */
  private interface Value {
    long of(Warp warp, int lane);
  }

  private static int thread(Warp warp, int lane) {
    return warp.index * Warp.LANES + lane;
  }

  private static final Map<String, Value> VALUES =
      Map.ofEntries(
          Map.entry("%tid.x", (w, l) -> thread(w, l) % w.block.launch.block[0]),
          Map.entry(
              "%tid.y", (w, l) -> thread(w, l) / w.block.launch.block[0] % w.block.launch.block[1]),
          Map.entry(
              "%tid.z", (w, l) -> thread(w, l) / w.block.launch.block[0] / w.block.launch.block[1]),
          Map.entry("%ntid.x", (w, l) -> w.block.launch.block[0]),
          Map.entry("%ntid.y", (w, l) -> w.block.launch.block[1]),
          Map.entry("%ntid.z", (w, l) -> w.block.launch.block[2]),
          Map.entry("%nctaid.x", (w, l) -> w.block.launch.grid[0]),
          Map.entry("%nctaid.y", (w, l) -> w.block.launch.grid[1]),
          Map.entry("%nctaid.z", (w, l) -> w.block.launch.grid[2]),
          Map.entry("%laneid", (w, l) -> l),
          Map.entry("%warpid", (w, l) -> w.index),
          Map.entry("%nwarpid", (w, l) -> w.block.warps.length),
          Map.entry("%dynamic_smem_size", (w, l) -> w.block.launch.dynamicShared),
          Map.entry("%lanemask_eq", (w, l) -> 1L << l),
          Map.entry("%lanemask_lt", (w, l) -> (1L << l) - 1),
          Map.entry("%lanemask_le", (w, l) -> (2L << l) - 1),
          Map.entry("%lanemask_gt", (w, l) -> 0xFFFF_FFFFL & -(2L << l)),
          Map.entry("%lanemask_ge", (w, l) -> 0xFFFF_FFFFL & -(1L << l)),
          Map.entry("WARP_SZ", (w, l) -> Warp.LANES));

  /** Fills what is the same in all blocks. */
  static void fillOnce(Block block) {
    Entry entry = block.launch.entry;
    entry
        .constants()
        .forEach((register, value) -> {
          long[] lanes = new long[Warp.LANES];
          Arrays.fill(lanes, value);
          for (Warp warp : block.warps) {
            warp.r[register] = lanes;
            warp.p[register] = (int) (long) value;
          }
        });
    entry
        .specials()
        .forEach((register, name) -> {
          Value value = VALUES.get(name);
          if (value != null) {
            for (Warp warp : block.warps) {
              for (int lane = 0; lane < Warp.LANES; lane++) {
                warp.r[register][lane] = value.of(warp, lane);
              }
            }
          }
        });
  }

  /** Fills what differs from block to block. */
  static void fillBlock(Block block) {
    Launch launch = block.launch;
    int number = block.number;
    int x = number % launch.grid[0];
    int y = number / launch.grid[0] % launch.grid[1];
    int z = number / launch.grid[0] / launch.grid[1];
    Map<String, Integer> values = Map.of("%ctaid.x", x, "%ctaid.y", y, "%ctaid.z", z);
    launch
        .entry
        .specials()
        .forEach((register, name) -> {
          Integer value = values.get(name);
          if (value != null) {
            for (Warp warp : block.warps) {
              Arrays.fill(warp.r[register], value);
            }
          }
        });
  }
}
