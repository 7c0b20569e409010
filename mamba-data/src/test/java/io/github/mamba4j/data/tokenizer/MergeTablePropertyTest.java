package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Both ways of merging against the definition, over random merge lists and pieces of all lengths.
 */
class MergeTablePropertyTest {

  @Test
  void apply_randomMerges_equalsTheDefinition() {
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      int letters = 2 + random.nextInt(3);
      List<long[]> merges = new ArrayList<>();
      int next = letters;
      for (int i = 0; i < 40; i++) {
        long pair = MergeTable.pair(random.nextInt(next), random.nextInt(next));
        if (merges.stream().noneMatch(merge -> merge[0] == pair)) {
          // Sometimes a second way to an old token, so that ranks and ids disagree.
          boolean old = random.nextInt(5) == 0 && next > letters;
          merges.add(new long[] {pair, old ? letters + random.nextInt(next - letters) : next++});
        }
      }
      MergeTable table =
          new MergeTable(
              merges.stream().mapToLong(merge -> merge[0]).toArray(),
              merges.stream().mapToInt(merge -> (int) merge[1]).toArray());
      int[] piece = random.ints(random.nextInt(250), 0, letters).toArray();
      int[] actual = piece.clone();
      int count = table.apply(actual, actual.length);
      assertThat(Arrays.copyOf(actual, count))
          .as("seed %d, %d symbols", seed, piece.length)
          .containsExactly(apply(merges, piece));
    }
  }

  private static int[] apply(List<long[]> merges, int[] piece) {
    List<Integer> ids = new ArrayList<>(Arrays.stream(piece).boxed().toList());
    while (mergeFirst(merges, ids)) {}
    return ids.stream().mapToInt(i -> i).toArray();
  }

  private static boolean mergeFirst(List<long[]> merges, List<Integer> ids) {
    for (long[] merge : merges) {
      for (int i = 0; i + 1 < ids.size(); i++) {
        if (((long) ids.get(i) << 32 | ids.get(i + 1)) == merge[0]) {
          ids.set(i, (int) merge[1]);
          ids.remove(/* index */ i + 1);
          return true;
        }
      }
    }
    return false;
  }
}
