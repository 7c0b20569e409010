package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A picture of loss and perplexity over the steps, for training and validation. */
final class TrainingCurves {
  /** The name of the file. */
  static final String NAME = "training_curves.png";

  private static final int WIDTH = 900;
  private static final int HEIGHT = 420;
  private static final int LABEL_DEGREES = 45;

  /** Steps are averaged so that a curve has at most this many points. */
  private static final int POINTS = 300;

  private static final Color TRAIN = new Color(0x1f77b4);
  private static final Color VALIDATION = new Color(0xd62728);

  private TrainingCurves() {}

  /**
   * Draws the picture; without a single step there is nothing to draw and no file.
   *
   * @throws IOException if the file cannot be written, or this machine cannot draw text
   */
  static void write(Path file, MetricsHistory history) throws IOException {
    if (history.rows(MetricRow.Kind.STEP).isEmpty()) {
      return;
    }
    try {
      draw(file, history);
    } catch (RuntimeException | InternalError | LinkageError e) {
      // AWT throws these where it finds no font or no graphics library.
      throw new IOException(
          file
              + ": cannot be drawn on this machine ("
              + e.getMessage()
              + "); install fontconfig and a font. Everything else was written",
          e);
    }
  }

  private static void draw(Path file, MetricsHistory history) throws IOException {
    XYChart loss = chart("Loss", "nats per token", history, MetricRow::loss);
    XYChart perplexity = chart("Perplexity", "per token", history, MetricRow::perplexity);
    perplexity.getStyler().setYAxisLogarithmic(true);
    AtomicFiles.writeFile(
        file,
        out -> BitmapEncoder.saveBitmap(List.of(loss, perplexity), 2, 1, out, BitmapFormat.PNG));
  }

  private static XYChart chart(
      String title, String unit, MetricsHistory history, ToDoubleFunction<MetricRow> value) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("step")
            .yAxisTitle(unit)
            .build();
    Styler styler = chart.getStyler();
    styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    styler.setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisLabelRotation(LABEL_DEGREES);
    add(chart, "train", TRAIN, averaged(history.rows(MetricRow.Kind.STEP)), value);
    List<MetricRow> validation = history.rows(MetricRow.Kind.VALIDATION);
    if (!validation.isEmpty()) {
      add(chart, "validation", VALIDATION, validation, value)
          .setMarker(SeriesMarkers.CIRCLE)
          .setMarkerColor(VALIDATION);
    }
    return chart;
  }

  private static XYSeries add(
      XYChart chart,
      String name,
      Color color,
      List<MetricRow> rows,
      ToDoubleFunction<MetricRow> value) {
    double[] steps = rows.stream().mapToDouble(MetricRow::step).toArray();
    double[] values = rows.stream().mapToDouble(value).toArray();
    XYSeries series = chart.addSeries(name, steps, values);
    series.setLineColor(color);
    series.setMarker(SeriesMarkers.NONE);
    return series;
  }

  /** Means over equal numbers of steps, placed at the last of them. */
  private static List<MetricRow> averaged(List<MetricRow> rows) {
    int size = (rows.size() + POINTS - 1) / POINTS;
    List<MetricRow> means = new ArrayList<>();
    for (int from = 0; from < rows.size(); from += size) {
      List<MetricRow> group = rows.subList(from, Math.min(rows.size(), from + size));
      MetricRow last = group.getLast();
      double loss = group.stream().mapToDouble(MetricRow::loss).average().orElse(last.loss());
      means.add(
          new MetricRow(
              MetricRow.Kind.STEP,
              last.epoch(),
              last.step(),
              loss,
              last.accuracy(),
              last.learningRate(),
              last.gradientNorm(),
              last.tokensPerSecond(),
              last.elapsedSeconds()));
    }
    return means;
  }
}
