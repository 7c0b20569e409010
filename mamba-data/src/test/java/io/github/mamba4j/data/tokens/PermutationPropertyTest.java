package io.github.mamba4j.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PermutationPropertyTest {

  @Test
  void at_everyPlace_givesEveryElementOnce() {
    int[] sizes = {1, 2, 3, 4, 5, 15, 16, 17, 100, 255, 256, 257, 1000, 4097, 65_536, 100_003};
    for (int size : sizes) {
      Permutation permutation = new Permutation(size, 42, size);
      boolean[] seen = new boolean[size];
      for (int place = 0; place < size; place++) {
        int element = (int) permutation.at(place);
        assertThat(seen[element]).as("element %d of %d twice", element, size).isFalse();
        seen[element] = true;
      }
    }
  }

  @Test
  void at_hugeSizes_staysInRange() {
    Random random = new Random(1);
    for (long size : new long[] {(1L << 31) + 1, 5_000_000_000L, 1L << 60}) {
      Permutation permutation = new Permutation(size, 7, 0);
      for (int i = 0; i < 1000; i++) {
        assertThat(permutation.at(random.nextLong(size))).isBetween(0L, size - 1);
      }
    }
  }

  @Test
  void at_manyEpochs_putsEveryElementEverywhereEquallyOften() {
    // Chi-squared with 99 degrees of freedom: mean 99, standard deviation 14; 5 of them are
    // allowed.
    for (int size : new int[] {10, 100}) {
      int epochs = 20_000;
      long[][] counts = new long[size][size];
      for (int epoch = 0; epoch < epochs; epoch++) {
        Permutation permutation = new Permutation(size, 99, epoch);
        for (int place = 0; place < size; place++) {
          counts[place][(int) permutation.at(place)]++;
        }
      }
      double expected = (double) epochs / size;
      for (int place = 0; place < size; place++) {
        double chiSquared = 0;
        for (long count : counts[place]) {
          chiSquared += (count - expected) * (count - expected) / expected;
        }
        double freedom = size - 1;
        assertThat(chiSquared)
            .as("place %d of %d", place, size)
            .isLessThan(freedom + 5 * Math.sqrt(2 * freedom));
      }
    }
  }

  @Test
  void at_neighbours_areNotKeptTogether() {
    Permutation permutation = new Permutation(1_000_000, 3, 0);
    int near = 0;
    for (int place = 0; place + 1 < 100_000; place++) {
      if (Math.abs(permutation.at(place) - permutation.at(place + 1)) < 1000) {
        near++;
      }
    }
    // Two random places of a million are this near with probability 0.002.
    assertThat(near).isBetween(120, 280);
  }
}
