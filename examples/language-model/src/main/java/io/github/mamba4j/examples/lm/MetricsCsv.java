package io.github.mamba4j.examples.lm;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import de.siegmar.fastcsv.writer.CsvWriter;
import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The measurements of a run as a CSV file; an empty field is what does not apply. */
final class MetricsCsv {
  /** The name of the file. */
  static final String NAME = "metrics.csv";

  private MetricsCsv() {}

  static void write(Path file, List<MetricRow> rows) throws IOException {
    AtomicFiles.writeFile(
        file,
        out -> {
          OutputStreamWriter writer = new OutputStreamWriter(out, StandardCharsets.UTF_8);
          CsvWriter csv = CsvWriter.builder().build(writer);
          csv.writeRecord(MetricRow.COLUMNS);
          for (MetricRow row : rows) {
            csv.writeRecord(fields(row));
          }
          csv.flush();
          writer.flush();
        });
  }

  private static List<String> fields(MetricRow row) {
    Map<String, Object> map = row.toMap();
    List<String> fields = new ArrayList<>();
    for (String column : MetricRow.COLUMNS) {
      fields.add(String.valueOf(map.getOrDefault(column, "")));
    }
    fields.set(0, row.kind().name().toLowerCase(Locale.ROOT));
    return fields;
  }

  /** Reads what {@link #write} wrote; a file that is not there has no rows. */
  static List<MetricRow> read(Path file) throws IOException {
    List<MetricRow> rows = new ArrayList<>();
    if (!Files.exists(file)) {
      return rows;
    }
    try (CsvReader<NamedCsvRecord> csv = CsvReader.builder().ofNamedCsvRecord(file)) {
      for (NamedCsvRecord line : csv) {
        rows.add(parse(line));
      }
    } catch (CsvParseException | IllegalArgumentException | java.util.NoSuchElementException e) {
      throw new DataException(
          String.format(
              Locale.ROOT, "%s: is damaged after %d rows (%s)", file, rows.size(), e.getMessage()),
          e);
    }
    return rows;
  }

  private static MetricRow parse(NamedCsvRecord line) {
    return new MetricRow(
        MetricRow.Kind.valueOf(line.getField("kind").toUpperCase(Locale.ROOT)),
        Long.parseLong(line.getField("epoch")),
        Long.parseLong(line.getField("step")),
        number(line, "loss"),
        number(line, "accuracy"),
        number(line, "learning_rate"),
        number(line, "gradient_norm"),
        number(line, "tokens_per_second"),
        number(line, "elapsed_seconds"));
  }

  private static double number(NamedCsvRecord line, String column) {
    String field = line.getField(column);
    return field.isEmpty() ? Double.NaN : Double.parseDouble(field);
  }
}
