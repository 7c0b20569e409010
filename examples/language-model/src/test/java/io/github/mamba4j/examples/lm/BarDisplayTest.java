package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BarDisplayTest {
  private static final String NUMBERS = "loss 2.345 ppl 10.4 lr 1e-04 12,345 tok/s ETA 0:38";

  @Test
  void render_wideTerminal_showsBarAndNumbers() {
    assertThat(BarDisplay.render("epoch 1/3", 50, 100, NUMBERS, 120))
        .isEqualTo("epoch 1/3 [" + "#".repeat(15) + ".".repeat(15) + "] 50/100 " + NUMBERS);
  }

  @Test
  void render_eightyColumns_keepsTheNumbers() {
    String line = BarDisplay.render("epoch 1/3", 50, 100, NUMBERS, 80);

    assertThat(line).contains("[####.....]").endsWith(NUMBERS).hasSizeLessThan(80);
  }

  @Test
  void render_narrowTerminal_dropsTheBar() {
    assertThat(BarDisplay.render("epoch 1/3", 50, 100, NUMBERS, 60))
        .startsWith("epoch 1/3 50/100 loss")
        .hasSizeLessThan(60);
  }
}
